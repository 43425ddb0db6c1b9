"""Frames against a plain decode from first to last, over codecs and containers, and which packets they cost."""

import random

import numpy as np
import pytest
import torch

from internvideo_pl.video import decode, packets, plan
from internvideo_pl.video.container import open_video
from internvideo_pl.video.decode import (
    check,
    frame_times,
    num_frames,
    probe,
    read_frames,
    read_timestamps,
)

from .clips import CLIPS, UNEVEN, X265


@pytest.mark.parametrize("name", CLIPS)
def test_every_read_equals_the_full_decode(name, write_clip, decode_all):
    path = write_clip(name, **CLIPS[name])
    expected, times = decode_all(path)
    count = len(expected)
    assert num_frames(path) == count
    np.testing.assert_allclose(frame_times(path), times, atol=2e-3)  # Matroska keeps milliseconds
    for indices in _plans(count):
        np.testing.assert_array_equal(read_frames(path, indices).numpy(), expected[indices], err_msg=str(indices))
    check(path)


def _plans(count: int) -> list[list[int]]:
    """Index lists of every kind: each frame alone, all, a window, scattered, shuffled, repeated."""
    rng = random.Random(count)
    scattered = sorted(rng.sample(range(count), min(5, count)))
    return [
        *([i] for i in range(count)),
        list(range(count)),
        [min(count - 1, count // 2 + i) for i in range(6)],
        scattered,
        rng.sample(scattered, len(scattered)),
        [count - 1, 0, count - 1, count // 2, 0],
    ]


def test_the_short_way_is_taken_where_it_is_exact(write_clip, monkeypatch):
    """The codecs of the benchmarks must not fall back in silence: a decode in sequence costs several times as much."""
    monkeypatch.setattr(decode, "_in_sequence", lambda *_: pytest.fail("decoded in sequence"))
    names = (
        *("b_frames.mp4", "open_groups.mkv", "uneven.mp4", "fragments.mp4", "ten_bit_hevc.mp4", "mpeg2.mp4"),
        *("hidden_frames.webm", "av1.mkv", "mpeg4.avi", "animation.gif", "broadcast.ts", "clock_wraps.ts"),
    )
    for name in names:
        path = write_clip(name, **CLIPS[name])
        for index in range(0, num_frames(path), 4):
            read_frames(path, [index])


@pytest.mark.parametrize("name", [name for name in CLIPS if name.endswith((".mp4", ".mov"))])
def test_an_mp4_file_is_indexed_by_its_head_as_by_its_packets(name, write_clip):
    path = write_clip(name, **CLIPS[name])
    with open_video(path) as opened:
        tables = packets._by_tables(opened)
    with open_video(path) as opened:
        read = packets._by_packets(opened)
    in_fragments = "fragment" in name  # their tables are all over the file
    assert (tables is None) == (in_fragments or read is None)
    if tables is not None:
        assert tables.fps == read.fps
        for field in ("pts", "packets", "sizes", "keys"):
            np.testing.assert_array_equal(getattr(tables, field), getattr(read, field), err_msg=field)


def test_an_mp4_file_is_indexed_without_reading_its_pictures(write_clip, monkeypatch):
    path = write_clip("a.mp4", frames=40)
    monkeypatch.setattr(packets, "_by_packets", lambda *_: pytest.fail("read all packets"))
    assert num_frames(path) == 40


def test_views_of_one_video_are_decoded_in_one_pass(write_clip, monkeypatch):
    """Seven overlapping windows in one call: every packet is fed once."""
    path = write_clip("a.mp4", frames=60, options={"g": "15", "bf": "2"})
    windows = [list(range(first, first + 16, 2)) for first in range(0, 43, 7)]
    fed = []
    original = plan._decode_run
    monkeypatch.setattr(
        plan, "_decode_run", lambda stream, run, *rest: original(stream, (fed.append(p.pts) or p for p in run), *rest)
    )
    together = read_frames(path, [number for window in windows for number in window])
    assert len(fed) == len(set(fed)) <= 60
    apart = torch.cat([read_frames(path, window) for window in windows])
    assert torch.equal(together, apart)


def test_unwanted_groups_are_not_decoded(write_clip, monkeypatch):
    path = write_clip("groups.mp4", frames=60, options={"x264-params": "keyint=10:min-keyint=10:scenecut=0:bframes=0"})
    decoded = []
    original = plan._decode_run
    monkeypatch.setattr(
        plan, "_decode_run", lambda *args: (decoded.append(frame.pts) or frame for frame in original(*args))
    )
    read_frames(path, [3, 54])
    assert len(decoded) == 4 + 5  # frames 0 to 3 and 50 to 54


def test_unreferenced_pictures_are_dropped(write_clip, monkeypatch):
    path = write_clip(
        "b.mp4", frames=40, options={"x264-params": "keyint=40:scenecut=0:bframes=3:b-pyramid=none:b-adapt=0"}
    )
    decoded = []
    original = plan._decode_run
    monkeypatch.setattr(
        plan, "_decode_run", lambda *args: (decoded.append(frame.pts) or frame for frame in original(*args))
    )
    read_frames(path, [36])  # the frames that it refers to are 0, 4, 8, ..., 32
    assert len(decoded) == 10


def test_hevc_pictures_are_dropped_only_on_request(write_clip, decode_all):
    path = write_clip("a.mp4", X265, options={"x265-params": "log-level=none:keyint=30:bframes=4"})
    expected, _ = decode_all(path)
    np.testing.assert_array_equal(read_frames(path, [13, 22], drop_hevc=True).numpy(), expected[[13, 22]])


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (-90, 3), (0, 0)])
def test_rotation_is_applied(degrees, turns, write_clip, decode_all):
    path = write_clip("turned.mp4", rotation=degrees)
    expected, _ = decode_all(path)  # as coded
    expected = np.rot90(expected, turns, axes=(1, 2))  # FFmpeg counts degrees counter-clockwise
    np.testing.assert_array_equal(read_frames(path, [2, 11]).numpy(), expected[[2, 11]])
    info = probe(path)
    assert (info.height, info.width) == expected.shape[1:3]
    assert read_frames(path, [0], short_side=24).shape[1:3] == ((32, 24) if turns % 2 else (24, 32))


def test_short_side_keeps_the_shape_and_the_picture(write_clip, decode_all):
    path = write_clip("wide.mp4", size=(96, 128))
    expected, _ = decode_all(path)
    small = read_frames(path, [4, 9], short_side=48)
    assert small.shape == (2, 48, 64, 3)
    assert small.dtype == torch.uint8
    halved = expected[[4, 9]].reshape(2, 48, 2, 64, 2, 3).mean(axis=(2, 4))  # the mean of each 2 x 2 block
    noise_free = np.abs(small.numpy() - halved)[:, 20:]  # below the patch of noise
    assert noise_free.mean() < 4
    assert read_frames(path, [4], short_side=96).shape == (1, 96, 128, 3)
    assert read_frames(path, [4], short_side=192).shape == (1, 192, 256, 3)


def test_timestamps_give_the_frame_on_show(write_clip):
    path = write_clip("uneven.mp4", times=UNEVEN)
    seconds = (np.array(UNEVEN) - UNEVEN[0]) / 1000
    assert frame_times(path) == pytest.approx(seconds, abs=1e-4)
    asked = [-1.0, 0.0, seconds[4] - 1e-3, seconds[4] + 1e-3, (seconds[8] + seconds[9]) / 2, 1e6]
    assert torch.equal(read_timestamps(path, asked), read_frames(path, [0, 0, 3, 4, 8, 29]))


def test_probe(write_clip):
    info = probe(write_clip("a.mkv", frames=50))
    assert info == decode.VideoInfo(50, 25.0, 2.0, 64, 48, "h264")
    uneven = probe(write_clip("u.mp4", times=UNEVEN))
    assert uneven.fps == pytest.approx(29 / (UNEVEN[-1] - UNEVEN[0]) * 1000, rel=0.06)


def test_a_changed_file_is_read_anew(write_clip):
    path = write_clip("a.mp4", frames=10)
    assert num_frames(path) == 10
    path = write_clip("a.mp4", frames=20)
    assert num_frames(path) == 20

"""Frames against a plain decode from first to last, over codecs, containers and kinds of damage."""

import random

import av
import numpy as np
import pytest
import torch

from internvideo_pl.video import decode, packets, plan
from internvideo_pl.video.container import open_video
from internvideo_pl.video.decode import (
    DecodeError,
    check,
    frame_times,
    num_frames,
    probe,
    read_frames,
    read_timestamps,
)

X264, X265 = "libx264", "libx265"
# A jittery camera: no two neighbouring frames are equally far apart in time.
UNEVEN = np.cumsum([7, 40, 33, 90, 41, 11, 47, 39, 45, 20] * 3).tolist()

# file name -> what writes it. Each stands for one way in which frame numbers, packets and key frames can disagree.
CLIPS: dict[str, dict] = {
    "b_frames.mp4": {"options": {"bf": "3", "g": "12"}},
    "b_frames.mov": {"options": {"bf": "3", "g": "12"}},
    "fragments.mp4": {"options": {"bf": "3", "g": "12"}, "container": {"movflags": "frag_keyframe+empty_moov"}},
    "open_groups.mp4": {"options": {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"}},
    "open_groups.mkv": {"options": {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"}},
    "intra_refresh.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=10:bframes=0"}},
    "interlaced.mp4": {"options": {"x264-params": "tff=1:bframes=2:keyint=12"}},
    "ten_bit.mp4": {"options": {"g": "10"}, "pixels": "yuv420p10le"},
    "broadcast.ts": {"options": {"bf": "3", "g": "12"}},
    "no_times.h264": {"options": {"bf": "3", "g": "12"}},
    "numbered_packets.avi": {"options": {"bf": "3", "g": "12"}},
    "uneven.mp4": {"options": {"bf": "2", "g": "12"}, "times": UNEVEN},
    "uneven.mkv": {"options": {"bf": "2", "g": "12"}, "times": UNEVEN},
    "late_start.mkv": {"options": {"bf": "2", "g": "12"}, "times": [5000 + 40 * i for i in range(30)]},
    "late_start.mp4": {"options": {"bf": "2", "g": "12"}, "times": [5000 + 40 * i for i in range(30)]},
    "one_frame.mp4": {"frames": 1},
    "open_groups_hevc.mp4": {
        "codec": X265,
        "options": {"x265-params": "log-level=none:keyint=10:min-keyint=10:open-gop=1:bframes=4:scenecut=0"},
    },
    "layers_hevc.mkv": {
        "codec": X265,
        "options": {"x265-params": "log-level=none:keyint=10:bframes=4:temporal-layers=3"},
    },
    "ten_bit_hevc.mp4": {
        "codec": X265,
        "options": {"x265-params": "log-level=none:keyint=10:bframes=4"},
        "pixels": "yuv420p10le",
    },
    "hidden_frames.webm": {
        "codec": "libvpx-vp9",
        "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime", "cpu-used": "8"},
    },
    "vp8.webm": {
        "codec": "libvpx",
        "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "4"},
    },
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "13", "g": "15"}, "size": (64, 64)},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "9"}},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"bf": "2", "g": "9"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2", "g": "9"}},
    "mpeg2.mp4": {"codec": "mpeg2video", "options": {"bf": "2", "g": "9"}},
    "motion_jpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "windows.wmv": {"codec": "wmv2", "options": {"g": "9"}},
    "animation.gif": {"codec": "gif", "pixels": "rgb8", "frames": 20},
    "odd_size.gif": {"codec": "gif", "pixels": "rgb8", "frames": 12, "size": (47, 63)},
    "odd_size.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "yuv444p", "size": (47, 63)},
    "odd_size_mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "9"}, "size": (47, 63)},
    "odd_size.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}, "size": (47, 63)},
    "alpha.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime"}, "pixels": "yuva420p", "frames": 9},
    "alpha.mov": {"codec": "prores_ks", "pixels": "yuva444p10le", "frames": 6},
    "alpha_png.mov": {"codec": "png", "pixels": "rgba", "frames": 6},
    "grey.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "gray"},
    "full_range.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "yuvj420p"},
    "half_chroma.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "yuv422p10le"},
    "uncompressed.avi": {"codec": "rawvideo", "pixels": "bgr24", "frames": 6},
    "lossless.mkv": {"codec": "ffv1", "pixels": "yuv422p10le", "frames": 9},
    "flash.flv": {"options": {"bf": "3", "g": "12"}},
    "phone.3gp": {"codec": "h263", "size": (144, 176), "frames": 12},
    "no_times.m4v": {"codec": "mpeg4", "options": {"bf": "2", "g": "9"}, "format": "m4v"},
    "no_times.hevc": {"codec": X265, "options": {"x265-params": "log-level=none:keyint=10:bframes=4"}},
    "camera.m2ts": {"options": {"bf": "3", "g": "12"}, "format": "mpegts", "container": {"mpegts_m2ts_mode": "1"}},
    "mpeg1.mpg": {"codec": "mpeg1video", "options": {"bf": "2", "g": "9"}},
    "interlaced.mpg": {"codec": "mpeg2video", "options": {"flags": "+ilme+ildct", "bf": "2", "g": "9"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "13", "g": "15"}, "size": (64, 64)},
    "hidden_frames_vp9.mp4": {
        "codec": "libvpx-vp9",
        "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime", "cpu-used": "8"},
    },
    "early_start.mkv": {"options": {"bf": "3", "g": "12"}, "times": [40 * i - 400 for i in range(30)]},
    "early_start.mp4": {
        "options": {"bf": "3", "g": "12"},
        "times": [40 * i - 400 for i in range(30)],
        "container": {"avoid_negative_ts": "disabled"},
    },
    "early_offsets.mp4": {"options": {"bf": "3", "g": "12"}, "container": {"movflags": "negative_cts_offsets"}},
    "one_fragment_each.mp4": {
        "options": {"bf": "3", "g": "12"},
        "container": {"movflags": "frag_every_frame+empty_moov"},
    },
    # Times have 33 bits of 1/90000 s, and begin anew after 26.5 hours: here half a second after the start.
    "clock_wraps.ts": {"options": {"bf": "3", "g": "12"}, "times": [95_443_000 + 40 * i for i in range(30)]},
    "12:30 50%d é.mp4": {"options": {"bf": "3", "g": "12"}},
}


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


def test_numbers_outside_are_refused(write_clip):
    path = write_clip("a.mp4", frames=10)
    for wrong in ([10], [-1], []):
        with pytest.raises(IndexError, match="frames 0 to 9"):
            read_frames(path, wrong)


def test_no_video_is_said_so(tmp_path):
    empty, text, sound = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "sound.mp4"
    empty.touch()
    text.write_text("not a video at all\n" * 50)
    with av.open(str(sound), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        file.mux([*stream.encode(silence), *stream.encode(None)])
    reasons = {
        tmp_path / "none.mp4": "no such file",
        tmp_path: "is a folder",
        empty: "is empty",
        text: "cannot be opened",
        sound: "no video stream",
    }
    for path, reason in reasons.items():
        for read in (probe, num_frames, check, lambda p: read_frames(p, [0]), lambda p: read_timestamps(p, [0.0])):
            with pytest.raises(DecodeError, match=reason) as caught:
                read(path)
            assert caught.value.path == str(path)
            assert "\n" not in caught.value.reason


def test_a_file_without_frames_is_said_so(tmp_path):
    path = tmp_path / "head_only.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream(X264, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        file.start_encoding()
    with pytest.raises(DecodeError, match=r"shows no frame|cannot be"):
        num_frames(path)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_file_cut_short_is_said_so(share, write_clip):
    path = write_clip("a.mp4", frames=40, container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DecodeError, match="cut short"):
        num_frames(path)


def test_damage_inside_is_said_so_or_does_no_harm(write_clip, decode_all):
    """With bytes of the coded pictures overwritten, a read raises or gives what a decode from first to last gives."""
    path = write_clip("a.mp4", frames=40, options={"g": "10", "bf": "2"})
    whole = path.read_bytes()
    start, end = whole.index(b"mdat") + 1000, whole.index(b"moov")  # after the encoder's own description of itself
    raised = unharmed = 0
    for seed in range(16):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        place = int(rng.integers(start, end - 100))
        damaged[place : place + 40] = rng.bytes(40)
        path.write_bytes(damaged)
        try:
            expected, _ = decode_all(path)
        except av.FFmpegError:
            with pytest.raises(DecodeError):
                read_frames(path, range(40))
            raised += 1
            continue
        for indices in (list(range(40)), list(range(0, 40, 3)), [13], [37]):
            try:
                frames = read_frames(path, indices)
            except DecodeError as error:
                raised += "damaged" in error.reason
            else:
                np.testing.assert_array_equal(frames.numpy(), expected[indices])
                unharmed += 1
    assert raised
    assert unharmed


def test_the_error_survives_pickling():
    import pickle

    error = pickle.loads(pickle.dumps(DecodeError("a/b.mp4", "is cut\nshort")))
    assert (error.path, error.reason, str(error)) == ("a/b.mp4", "is cut short", "a/b.mp4: is cut short")

"""Packets copied without being encoded anew: cut, joined midway, mirrored, or under another edit list."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from internvideo_pl.video.decode import frame_times, num_frames, read_frames

from .conftest import assert_equals_full_decode

X264 = "libx264"
OPEN_GROUPS = {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"}


def test_mirror_is_applied(tmp_path, write_clip, decode_all):
    plain = write_clip("plain.mp4")
    expected, _ = decode_all(plain)
    mirrored = tmp_path / "mirrored.mp4"
    with av.open(str(mirrored), "w") as out:
        _copy(plain, out, lambda stream: stream.set_display_rotation(0, hflip=True))
    np.testing.assert_array_equal(read_frames(mirrored, [7]).numpy()[0], expected[7][:, ::-1])


def test_an_edit_list_hides_the_first_frames(tmp_path, write_clip, decode_all):
    plain = write_clip("plain.mp4", options={"bf": "2", "g": "12"})
    shown, _ = decode_all(plain)
    edited = tmp_path / "edited.mp4"
    with av.open(str(edited), "w", options={"avoid_negative_ts": "disabled", "use_editlist": "1"}) as out:
        _copy(plain, out, shift=-5)
    expected, _ = decode_all(edited)
    assert len(expected) == 25  # what FFmpeg itself shows of the 30 coded frames
    np.testing.assert_array_equal(expected, shown[5:])
    assert num_frames(edited) == 25
    for index in range(25):
        np.testing.assert_array_equal(read_frames(edited, [index]).numpy()[0], shown[5 + index])


def _copy(source: Path, out, prepare=lambda stream: None, shift: int = 0) -> None:
    """Copies the packets of `source`, `shift` frames later."""
    with av.open(str(source)) as file:
        stream = file.streams.video[0]
        copied = out.add_stream_from_template(stream)
        prepare(copied)
        for packet in file.demux(stream):
            if packet.size:
                ticks = round(shift / stream.average_rate / stream.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = copied
                out.mux(packet)


def _without(source: Path, target: Path, first: int) -> Path:
    """A copy of the packets from number `first` on, at their times, as a cut without re-encoding leaves them."""
    with av.open(str(source)) as file, av.open(str(target), "w") as out:
        stream = file.streams.video[0]
        copied = out.add_stream_from_template(stream)
        kept = [packet for packet in file.demux(stream) if packet.size][first:]
        start = kept[0].dts
        for packet in kept:
            packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, copied
            out.mux(packet)
    return target


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv"])
@pytest.mark.parametrize(
    ("codec", "options", "first", "left"),
    [
        (X264, OPEN_GROUPS, 14, 24),  # at a key picture of an open group: two before it refer to what is gone
        (X264, OPEN_GROUPS, 10, 24),  # between key pictures
        ("libx265", {"x265-params": "log-level=none:keyint=10:min-keyint=10:open-gop=1:bframes=4:scenecut=0"}, 11, 20),
        ("mpeg2video", {"bf": "2", "g": "9"}, 9, 22),
    ],
)
def test_what_a_cut_has_broken_is_not_counted(codec, options, first, left, name, tmp_path, write_clip, decode_all):
    whole = write_clip(f"whole{Path(name).suffix}", codec, frames=40, options=options)
    cut = _without(whole, tmp_path / name, first)
    assert len(assert_equals_full_decode(cut, decode_all)) == left


def test_pictures_of_a_cut_mpeg4_are_counted_as_they_come(tmp_path, write_clip, decode_all):
    """This decoder shows what it cannot know, at times that do not rise; numbers stay true."""
    whole = write_clip("whole.mp4", "mpeg4", frames=40, options={"bf": "2", "g": "9"})
    cut = _without(whole, tmp_path / "cut.mp4", 9)
    with av.open(str(cut)) as file:
        expected = [f.reformat(format="rgb24", threads=1).to_ndarray() for f in file.decode(video=0)]
    np.testing.assert_array_equal(read_frames(cut, range(num_frames(cut))).numpy(), expected)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.6])
def test_a_broadcast_joined_midway(share, tmp_path, write_clip, decode_all):
    data = write_clip("whole.ts", frames=40, options=OPEN_GROUPS).read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(data[int(len(data) * share) // 188 * 188 :])  # packets of 188 bytes
    assert_equals_full_decode(joined, decode_all)


# (length in milliseconds, where in the track it begins in ticks; -1 shows nothing) of each stretch, and frames shown.
# A frame has 512 ticks, the first is shown at 1024.
EDITS = {
    "delayed": ([(500, -1), (1200, 1024)], 30),
    "from_a_key": ([(800, 1024 + 10 * 512)], 20),
    "between_keys": ([(700, 1024 + 13 * 512)], 17),
    "middle": ([(400, 1024 + 7 * 512)], 10),
    "swapped": ([(400, 1024 + 10 * 512), (400, 1024)], 20),
    "twice": ([(400, 1024), (400, 1024)], 20),
    "leap": ([(200, 1024), (200, 1024 + 20 * 512)], 10),
}


@pytest.mark.parametrize("name", EDITS)
def test_edit_lists(name, tmp_path, write_clip):
    stretches, count = EDITS[name]
    edited = _edited(write_clip("plain.mp4", options={"bf": "2", "g": "10"}), tmp_path / "edited.mp4", stretches)
    with av.open(str(edited)) as file:
        frames = [(f.reformat(format="rgb24", threads=1).to_ndarray(), f.time) for f in file.decode(video=0)]
    assert num_frames(edited) == len(frames) == count
    np.testing.assert_allclose(frame_times(edited), [time - frames[0][1] for _, time in frames], atol=1e-6)
    for index, (pixels, _) in enumerate(frames):
        np.testing.assert_array_equal(read_frames(edited, [index]).numpy()[0], pixels)


def _edited(source: Path, target: Path, stretches: list[tuple[int, int]]) -> Path:
    """Another edit list in an MP4 file whose head is at its end."""
    data = bytearray(source.read_bytes())
    at = data.index(b"elst") - 4
    old = int.from_bytes(data[at : at + 4])
    rows = b"".join(struct.pack(">iihh", length, start, 1, 0) for length, start in stretches)
    data[at : at + old] = struct.pack(">I4sII", 16 + len(rows), b"elst", 0, len(stretches)) + rows
    for box in (b"edts", b"trak", b"moov"):
        place = data.rindex(box, 0, at) - 4
        data[place : place + 4] = (int.from_bytes(data[place : place + 4]) + 16 + len(rows) - old).to_bytes(4)
    target.write_bytes(data)
    return target

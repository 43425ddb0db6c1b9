"""Folders of pictures against Pillow's reading of the same files, and everything that can be wrong with one."""

import io
import os

import numpy as np
import pytest
import torch
from PIL import Image

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.sources.pictures import PictureFolder


def by_pillow(folder) -> np.ndarray:
    names = sorted(os.listdir(folder), key=lambda name: int("".join(c for c in name if c.isdigit())))
    return np.stack([np.asarray(Image.open(folder / name).convert("RGB")) for name in names])


@pytest.mark.parametrize(
    "pattern",
    ["{:05d}.jpg", "{}.jpg", "img_{:05d}.jpg", "frame_{:010d}.JPG", "{:06d}.jpeg", "{:05d}.png", "{}.PNG"],
)
def test_pictures_are_frames_in_the_order_of_their_numbers(write_pictures, pattern):
    folder = write_pictures(pattern=pattern, count=12)
    source = open_source(folder)
    assert isinstance(source, PictureFolder)
    assert source.name == str(folder)
    assert source.num_frames() == 12
    frames = source.frames([11, 0, 1, 9, 1]).numpy().astype(int)
    truth = by_pillow(folder)[[11, 0, 1, 9, 1]].astype(int)
    if pattern.lower().endswith("png"):
        np.testing.assert_array_equal(frames, truth)
    else:  # FFmpeg and libjpeg interpolate colour differently between its samples
        assert np.abs(frames - truth).mean() < 2
    source.check()


def test_frame_0_is_picture_1_or_picture_0(write_pictures):
    one = open_source(write_pictures("one", first=1, pattern="{:05d}.png"))
    zero = open_source(write_pictures("zero", first=0, pattern="{:05d}.png"))
    assert torch.equal(one.frames([0]), zero.frames([1]))
    assert (one.num_frames(), zero.num_frames()) == (6, 6)


def test_pictures_are_scaled_as_the_same_pictures_in_a_video(write_pictures, tmp_path):
    import av

    folder = write_pictures(count=3, size=(60, 90))
    with av.open(str(tmp_path / "same.avi"), "w") as file:
        stream = file.add_mux_stream("mjpeg", rate=10, width=90, height=60)
        for number in range(3):
            packet = av.Packet((folder / f"{number + 1:05d}.jpg").read_bytes())
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, number, number, True
            file.mux(packet)
    for side in (None, 40, 24):
        assert torch.equal(
            open_source(folder).frames([0, 2], side), open_source(tmp_path / "same.avi").frames([0, 2], side)
        )


def test_other_files_are_no_frames(write_pictures):
    folder = write_pictures(count=3)
    for name in ("audio.wav", "Thumbs.db", ".00009.jpg", "cover.jpg"):
        (folder / name).write_bytes(b"x")
    assert open_source(folder).num_frames() == 3


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "00003.jpg").unlink(), r"lacks frame 00003\.jpg"),
        (lambda folder: (folder / "00001.jpg").unlink(), r"lacks frame 00001\.jpg"),
        (lambda folder: (folder / "3.jpg").write_bytes(b"x"), r"has two frames 3, one of them"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], r"holds no pictures \(jpg, jpeg, png\)"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(write_pictures, spoil, reason):
    folder = write_pictures()
    spoil(folder)
    for read in (lambda s: s.num_frames(), lambda s: s.frames([0]), lambda s: s.check()):
        with pytest.raises(DecodeError, match=reason) as caught:
            read(open_source(folder))
        assert caught.value.path == str(folder)


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_damaged_picture_is_an_error_that_names_it_and_never_grey(write_pictures, ending):
    folder = write_pictures(pattern="{:05d}." + ending)
    path = folder / f"00003.{ending}"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    for place in range(len(whole) // 2, len(whole) // 2 + 12):
        flipped[place] ^= 0x55
    contents = [b"", b"no picture", whole[: len(whole) // 3], whole[:-20], whole[:-2]]
    contents += [bytes(flipped)] if ending == "png" else []  # JPEG has no checksum: any bits may be a picture
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(DecodeError, match=rf"00003\.{ending}"):
            open_source(folder).frames([0, 2])
        with pytest.raises(DecodeError, match=rf"00003\.{ending}"):
            open_source(folder).check()
        assert open_source(folder).frames([0, 1]).shape[0] == 2  # the others can still be read


def test_a_jpeg_may_have_something_after_its_end(write_pictures):
    folder = write_pictures()
    path = folder / "00001.jpg"
    before = open_source(folder).frames([0])
    path.write_bytes(path.read_bytes() + bytes(100))
    assert torch.equal(open_source(folder).frames([0]), before)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_pictures_of_any_kind_come_out_as_rgb(tmp_path, mode):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)).convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(file.getvalue())
    expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(open_source(tmp_path / "a").frames([0])[0].numpy(), expected)


def test_numbers_outside_are_refused_and_times_are_not_made_up(write_pictures):
    source = open_source(write_pictures(count=4))
    for indices in ([4], [-1], []):
        with pytest.raises(IndexError, match="frames 0 to 3"):
            source.frames(indices)
    with pytest.raises(DecodeError, match="do not tell their times"):
        source.times()

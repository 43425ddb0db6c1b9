"""Single pictures as videos of one frame."""

import io
import tarfile
from fractions import Fraction

import av
import numpy as np
import pytest

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source


def picture(codec: str, layout: str) -> tuple[bytes, np.ndarray]:
    """The bytes of a picture with a ramp in it, and its pixels."""
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.full((48, 64, 3), 90, np.uint8)
    pixels[:, :, 0] = ramp
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, layout, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=layout)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)]), pixels


@pytest.mark.parametrize(
    ("ending", "codec", "layout", "error"),
    [
        ("png", "png", "rgb24", 0),
        ("PNG", "png", "rgba", 0),
        ("jpg", "mjpeg", "yuvj444p", 16),
        ("webp", "libwebp", "bgra", 24),
    ],
)
def test_a_picture_is_a_video_of_one_frame(tmp_path, ending, codec, layout, error):
    data, pixels = picture(codec, layout)
    path = tmp_path / f"one.{ending}"
    path.write_bytes(data)
    source = open_source(path)
    assert (source.num_frames(), source.times().tolist()) == (1, [0.0])
    shown = source.frames([0, 0])
    assert shown.shape == (2, 48, 64, 3)
    assert np.abs(shown[1].numpy().astype(int) - pixels).max() <= error
    assert source.frames([0], 24).shape == (1, 24, 32, 3)
    source.check()
    with pytest.raises(IndexError):
        source.frames([1])


def test_a_member_of_a_shard_gives_the_same_pixels(tmp_path):
    data, _ = picture("png", "gray")
    (tmp_path / "a.png").write_bytes(data)
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        info = tarfile.TarInfo("a.png")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    inside = open_source(f"{tmp_path}/s.tar#a.png").frames([0], 24)
    assert (inside == open_source(tmp_path / "a.png").frames([0], 24)).all()


@pytest.mark.parametrize("cut", [0, 10, -2])
def test_damage_is_named(tmp_path, cut):
    data, _ = picture("mjpeg", "yuvj420p")
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:cut])
    with pytest.raises(DecodeError, match=r"is empty|is cut short") as found:
        open_source(path).frames([0])
    assert found.value.path == str(path)
    with pytest.raises(DecodeError, match="no such file"):
        open_source(tmp_path / "none.jpg").frames([0])

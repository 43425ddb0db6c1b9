"""Small video files written by FFmpeg, and what a plain decode from first to last says that they show."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from internvideo_pl.video.decode import num_frames, read_frames

Writer = Callable[..., Path]


def picture(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 (H, W, 3): a drifting gradient with a patch of noise of its own, so that no two frames are alike."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 3 + number * 5, y * 4 + number * 7, (x + y) * 2 + number * 11], axis=-1).astype(np.uint8)
    left = number * 3 % (width - 16)
    rgb[8:24, left : left + 16] = np.random.default_rng(number).integers(0, 255, (16, 16, 3))
    return rgb


@pytest.fixture
def write_clip(tmp_path: Path) -> Writer:
    """A function that writes a video file under tmp_path and returns its path."""

    def write(
        name: str,
        codec: str = "libx264",
        frames: int = 30,
        options: dict[str, str] | None = None,
        pixels: str = "yuv420p",
        times: Sequence[int] | None = None,
        rotation: int | None = None,
        size: tuple[int, int] = (48, 64),
        container: dict[str, str] | None = None,
        format: str | None = None,
    ) -> Path:
        """`times` are in milliseconds; without them there are 25 frames a second."""
        path = tmp_path / name
        with av.open(f"file:{path}", "w", format=format, options=container or {}) as file:
            stream = file.add_stream(codec, rate=25, options=options or {})
            stream.height, stream.width, stream.pix_fmt = *size, pixels
            if rotation is not None:
                stream.set_display_rotation(rotation)
            if times is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
                if times is not None:
                    frame.pts, frame.time_base = times[number], Fraction(1, 1000)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def decode_all() -> Callable[[Path], tuple[np.ndarray, np.ndarray]]:
    """A function that decodes a file from first to last: uint8 (N, H, W, 3) as coded, float64 (N,) seconds."""

    def decode(path: Path) -> tuple[np.ndarray, np.ndarray]:
        with av.open(f"file:{path}") as file:
            stream = file.streams.best("video")
            frames = [(f.reformat(format="rgb24", threads=1).to_ndarray(), f.time) for f in file.decode(stream)]
        pixels, times = np.stack([rgb for rgb, _ in frames]), [time for _, time in frames]
        if None in times or sorted(times) != times:  # some containers tell no times, or wrong ones
            times = [number / 25 for number in range(len(frames))]
        return pixels, np.array(times) - times[0]

    return decode


def assert_equals_full_decode(path: Path, decode_all) -> np.ndarray:
    """Every frame alone and all at once, each against a decode from first to last; returns the latter."""
    expected, _ = decode_all(path)
    assert num_frames(path) == len(expected)
    np.testing.assert_array_equal(read_frames(path, range(len(expected))).numpy(), expected)
    for index, frame in enumerate(expected):
        np.testing.assert_array_equal(read_frames(path, [index]).numpy()[0], frame, err_msg=str(index))
    return expected

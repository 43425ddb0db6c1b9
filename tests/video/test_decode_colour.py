"""Colours of decoded frames against the formulas of the standards, written out here once more."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from internvideo_pl.video.decode import read_frames

SIDE, PATCH = 64, 16
# Matrix number in ITU-T H.273 -> weights of red and blue in luma
WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    2: (0.299, 0.114),  # unspecified: BT.601, as FFmpeg and the readers built on it take it
    3: (0.299, 0.114),  # reserved, which some encoders write: likewise
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020, of HDR
}
LIMITED, FULL = 1, 2


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_colours_follow_the_stream(matrix, full, suffix, tmp_path):
    bits = 10 if matrix == 9 else 8
    planes = np.random.default_rng(matrix).integers(60, 190, (3, SIDE // PATCH, SIDE // PATCH)) << (bits - 8)
    pixels = "yuv444p10le" if bits == 10 else "yuv444p"
    path = _write(tmp_path / f"patches{suffix}", planes.repeat(PATCH, 1).repeat(PATCH, 2), pixels, matrix, full)
    shown = read_frames(path, [1]).numpy()[0].astype(float)
    np.testing.assert_allclose(
        shown, _rgb(planes, *WEIGHTS[matrix], full, bits), atol=1.5
    )  # swscale takes 1020 for white in 10 bits


@pytest.mark.parametrize("matrix", [1, 6])
def test_colours_of_halved_chroma(matrix, tmp_path):
    """4:2:0, as nearly all videos are; looked at within the patches, where siting does not matter."""
    planes = np.random.default_rng(matrix).integers(60, 190, (3, SIDE // PATCH, SIDE // PATCH))
    whole = planes.repeat(PATCH, 1).repeat(PATCH, 2)
    path = _write(tmp_path / "patches.mp4", whole, "yuv420p", matrix, full=False)
    shown = read_frames(path, [1]).numpy()[0].astype(float)
    expected = _rgb(planes, *WEIGHTS[matrix], full=False, bits=8)
    centres = (slice(PATCH // 2, None, PATCH),) * 2
    np.testing.assert_allclose(shown[centres], expected[centres], atol=3)  # chroma is scaled with less precision


def _rgb(planes: np.ndarray, red: float, blue: float, full: bool, bits: int) -> np.ndarray:
    """(3, h, w) of Y'CbCr -> (H, W, 3) of R'G'B' from 0 to 255, patches spread (ITU-R BT.709 and BT.2020)."""
    step, middle = 1 << (bits - 8), 1 << (bits - 1)
    most = (1 << bits) - 1
    y, cb, cr = planes.astype(float)
    y = y / most if full else (y - 16 * step) / (219 * step)
    cb, cr = ((c - middle) / (most if full else 224 * step) for c in (cb, cr))
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    rgb = np.clip(np.stack([r, g, b], axis=-1) * 255, 0, 255)
    return rgb.repeat(PATCH, 0).repeat(PATCH, 1)


def _write(path: Path, planes: np.ndarray, pixels: str, matrix: int, full: bool) -> Path:
    """Three lossless frames of these samples."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = pixels
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, FULL if full else LIMITED
        for number in range(3):
            frame = av.VideoFrame(SIDE, SIDE, pixels)
            for plane, samples in zip(frame.planes, planes, strict=True):
                halved = samples[:: SIDE // plane.height, :: SIDE // plane.width]
                rows = np.zeros((plane.height, plane.line_size), dtype=np.uint8)
                line = halved.astype("<u2" if "10" in pixels else np.uint8).view(np.uint8)
                rows[:, : line.shape[1]] = line
                plane.update(rows.tobytes())
            frame.colorspace, frame.color_range = matrix, FULL if full else LIMITED
            frame.pts, frame.time_base = number, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path

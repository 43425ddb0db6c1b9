"""Decoded frames to upright RGB pixels of one size."""

from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import torch
from av.video.reformatter import Interpolation, VideoReformatter
from torch import Tensor

from internvideo_pl.video.transform import short_side_size

Size = tuple[int, int]  # height, width

# Numbers of colour matrices in ITU-T H.273. Some encoders write the reserved one, which swscale refuses.
RESERVED_MATRIX, UNSPECIFIED_MATRIX = 3, 2


class SizeError(Exception):
    """A frame has not the size that the container told."""


class Canvas:
    """Collects the frames of one read: converts and scales each in a single swscale call, then puts it in its slots.

    Colours follow what the stream says of its matrix and range; a stream that says nothing is taken for BT.601 and the
    limited range, as FFmpeg does. Of HDR the matrix is undone, and no tones are mapped. Alpha is left out: the colours
    beneath it show. Pixels are taken to be square.

    Args:
        slots: frames of the clip.
        short_side: pixels to which the shorter side of the upright picture is scaled, bilinear; None keeps the size.
        size: height and width to which frames of another size are taken before that; those of the first one if not
            given.
        expected: height and width that every frame must have as coded.

    Attributes:
        missing: slots that no frame has filled yet.
    """

    def __init__(
        self, slots: int, short_side: int | None, size: Size | None = None, expected: Size | None = None
    ) -> None:
        self.missing = set(range(slots))
        self._slots = slots
        self._short_side = short_side
        self._size = size
        self._expected = expected
        self._reformatter = VideoReformatter()  # one for all frames: it keeps swscale's tables
        self._pixels: np.ndarray | None = None  # uint8 (T, H, W, 3), as coded
        self._matrix: tuple[int, int, int, int] | None = None

    def add(self, slots: int | Sequence[int] | np.ndarray, frame: av.VideoFrame) -> None:
        """Fills one or more slots; the first frame sets the rotation for all.

        Raises:
            SizeError: the frame has not the size that was expected.
        """
        coded = frame.height, frame.width
        if self._expected not in (None, coded):
            raise SizeError
        if self._pixels is None:
            height, width = self._size or coded
            if self._short_side:
                height, width = short_side_size(height, width, self._short_side)
            self._pixels = np.empty((self._slots, height, width, 3), dtype=np.uint8)
            self._matrix = _display_matrix(frame)
        if frame.colorspace == RESERVED_MATRIX:
            frame.colorspace = UNSPECIFIED_MATRIX
        height, width = self._pixels.shape[1:3]
        picture = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, threads=1
        )
        plane = picture.planes[0]
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)  # (H, 3 W + padding)
        pixels = rows[:height, : width * 3].reshape(height, width, 3)
        for slot in (slots,) if isinstance(slots, int | np.integer) else slots:
            self._pixels[slot] = pixels
            self.missing.discard(int(slot))

    def frames(self) -> Tensor:
        """uint8 (T, H, W, 3), upright."""
        assert self._pixels is not None
        assert not self.missing
        return torch.from_numpy(_upright(self._pixels, self._matrix))


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int] | None:
    """The 2 x 2 part (a, b, c, d) of a frame's display matrix: pixel (x, y) is shown at (ax + cy, bx + dy)."""
    side_data: Any = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return None
    matrix = np.frombuffer(memoryview(side_data), dtype=np.int32)  # 3 x 3 as rows (a b u), (c d v), (x y w)
    return int(matrix[0]), int(matrix[1]), int(matrix[3]), int(matrix[4])


def _upright(pixels: np.ndarray, matrix: tuple[int, int, int, int] | None) -> np.ndarray:
    """Turns and mirrors (T, H, W, 3) as the display matrix asks, in quarter turns as players do."""
    if matrix is None:
        return pixels
    a, b, c, d = matrix
    right, down = a, d
    whole = pixels.view("V3")[..., 0]  # (T, H, W): a pixel moved as one is moved in a third of the time
    if abs(b) > abs(a):  # a quarter turn: columns become rows
        whole, right, down = whole.swapaxes(1, 2), c, b
    upright = np.ascontiguousarray(whole[:, :: -1 if down < 0 else 1, :: -1 if right < 0 else 1])
    return upright.view(np.uint8).reshape(*upright.shape, 3)

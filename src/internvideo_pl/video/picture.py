"""Decoded frames to upright RGB pixels of one size."""

from typing import Any

import av
import numpy as np
import torch
from av.video.reformatter import Interpolation, VideoReformatter
from torch import Tensor

from internvideo_pl.video.transform import short_side_size


class Canvas:
    """Collects the frames of one read: converts and scales each in a single swscale call, straight into its slot.

    Attributes:
        missing: slots that no frame has filled yet.
    """

    def __init__(self, slots: int, short_side: int | None) -> None:
        self.missing = set(range(slots))
        self._slots = slots
        self._short_side = short_side
        self._reformatter = VideoReformatter()  # one for all frames: it keeps swscale's tables
        self._pixels: np.ndarray | None = None  # uint8 (T, H, W, 3), as coded
        self._matrix: tuple[int, int, int, int] | None = None

    def add(self, slot: int, frame: av.VideoFrame) -> None:
        """Fills a slot; the first frame sets size and rotation for all."""
        if self._pixels is None:
            size = frame.height, frame.width
            height, width = short_side_size(*size, self._short_side) if self._short_side else size
            self._pixels = np.empty((self._slots, height, width, 3), dtype=np.uint8)
            self._matrix = _display_matrix(frame)
        height, width = self._pixels.shape[1:3]
        picture = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, threads=1
        )
        plane = picture.planes[0]
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)  # (H, 3 W + padding)
        self._pixels[slot] = rows[:height, : width * 3].reshape(height, width, 3)
        self.missing.discard(slot)

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
    if abs(b) > abs(a):  # a quarter turn: columns become rows
        pixels, right, down = pixels.swapaxes(1, 2), c, b
    return np.ascontiguousarray(pixels[:, :: -1 if down < 0 else 1, :: -1 if right < 0 else 1])

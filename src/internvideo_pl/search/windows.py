"""A video as windows of some seconds, each of which becomes one clip of a model.

Shapes: T frames of a clip, S its side in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from internvideo_pl.models.reading import Reading
from internvideo_pl.video.deadline import limited
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.transform import center_crop, resize_short


@dataclass(frozen=True)
class Window:
    """A stretch of a video.

    Attributes:
        first: Its first frame.
        last: The frame after its last.
        start: Seconds.
        end: Seconds.
    """

    first: int
    last: int
    start: float
    end: float


def windows_of(location: str, seconds: float) -> list[Window]:
    """The windows of a video, one after the other; a rest of less than half a window belongs to the one before it.

    Args:
        location: As `open_source` takes it.
        seconds: Length of a window.

    Raises:
        DecodeError: The video cannot be read.
    """
    with limited(location):
        times = open_source(location).times()
    if not len(times):
        raise DecodeError(location, "has no frames")
    step = float(times[-1] - times[-2]) if len(times) > 1 else 0.0
    length = float(times[-1]) + step  # the last frame is shown as long as the one before it
    count = max(round(length / seconds), 1)
    starts = [i * seconds for i in range(count)]
    firsts = np.searchsorted(times, np.array(starts) - 1e-6).tolist()  # the frame shown at a start, or the next one
    firsts[0] = 0
    lasts = [*firsts[1:], len(times)]
    ends = [*starts[1:], length]
    parts = zip(firsts, lasts, starts, ends, strict=True)
    return [Window(*part) for part in parts if part[1] > part[0]]  # a gap in the times has no frame


def read_windows(location: str, windows: Sequence[Window], reading: Reading) -> Tensor:
    """A clip of each window, uint8 (len(windows), T, S, S, 3).

    Raises:
        DecodeError: The video cannot be read.
    """
    numbers = np.concatenate([window.first + reading.indices(window.last - window.first) for window in windows])
    with limited(location):
        frames = open_source(location).frames(numbers.tolist(), reading.short_side)
    clips = center_crop(resize_short(frames, reading.short_side), reading.size)
    return torch.stack(list(clips.split(reading.num_frames)))

"""From what a person has (files, frames) to the clips that a model reads.

Shapes: B clips, F frames as given, T frames of a clip, H height, W width, S side of a clip.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sample import dense_views, segments_center, spread
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.transform import center_crop, resize_short

Frames = Tensor | np.ndarray
Video = str | os.PathLike | Frames
Videos = Video | Sequence[Video]

READERS = 4  # threads that decode beside each other: PyAV works without the interpreter's lock


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Which frames of a video make a clip, and which part of them.

    Attributes:
        num_frames: T.
        size: S, height and width of a clip in pixels.
        short_side: Pixels to which the shorter side is scaled before the middle square is cut out.
        sampling: "spread": from the first frame to the last (the release's multimodal demo). "dense": the middle window
            at a stride; a video shorter than it repeats its last frame. "segments": the middle of equal parts.
        stride: Frames between two frames of a dense clip.
    """

    num_frames: int
    size: int
    short_side: int
    sampling: Literal["spread", "dense", "segments"]
    stride: int = 4

    def __post_init__(self) -> None:
        """Refuses what cannot be read.

        Raises:
            UserError: A number is below 1, or the clip is larger than the scaled frames.
        """
        if min(self.num_frames, self.stride, self.size) < 1 or self.short_side < self.size:
            raise UserError(
                f"num_frames, size and stride of a clip must be at least 1, and short_side at least size, got {self}."
            )

    def indices(self, available: int) -> np.ndarray:
        """Frame numbers, int64 (T,), in a video of `available` frames; always T, short videos repeat frames."""
        if self.sampling == "dense":
            return dense_views(available, self.num_frames, self.stride, num_views=1)[0]
        return (spread if self.sampling == "spread" else segments_center)(available, self.num_frames)

    def clip(self, video: Video) -> Tensor:
        """One clip, uint8 (T, S, S, 3).

        Args:
            video: A location as `open_source` takes it, such as a file, or frames as uint8 (F, H, W, 3), RGB. Exactly T
                frames are taken as they are; any other number is sampled like the frames of a file.

        Raises:
            UserError: The file or the frames cannot be read as such.
        """
        if isinstance(video, str | os.PathLike):
            frames = self._read(video)
        else:
            frames = _checked(video)
            if len(frames) != self.num_frames:
                frames = frames[torch.from_numpy(self.indices(len(frames)))]
        return center_crop(resize_short(frames, self.short_side), self.size)

    def _read(self, location: str | os.PathLike) -> Tensor:
        source = open_source(location)
        try:
            return source.frames(self.indices(source.num_frames()).tolist(), self.short_side)
        except DecodeError as error:
            raise UserError(f"{location} cannot be read as a video: {error.reason}.") from error

    def batches(self, videos: Videos, size: int) -> Iterator[Tensor]:
        """Clips in batches, uint8 (B, T, S, S, 3); a progress bar on a terminal where there is more than one batch.

        Args:
            videos: A file, frames (F, H, W, 3), those of several videos (B, F, H, W, 3), or a list of files and frames.
            size: The largest B.

        Raises:
            UserError: There is no video, or one cannot be read.
        """
        if size < 1:
            raise UserError(f"batch_size={size} must be at least 1.")
        listed = _listed(videos)
        groups = [listed[start : start + size] for start in range(0, len(listed), size)]
        console = Console(stderr=True)
        quiet = len(groups) == 1 or not console.is_terminal
        with ThreadPoolExecutor(READERS) as readers:
            ahead = readers.map(self.clip, groups[0])
            for following in track([*groups[1:], []], "videos", console=console, disable=quiet):
                clips, ahead = ahead, readers.map(self.clip, following)  # the next batch is read while this one is used
                yield torch.stack(list(clips))


def _listed(videos: Videos) -> list[Video]:
    if isinstance(videos, str | os.PathLike):
        return [videos]
    if isinstance(videos, Tensor | np.ndarray):
        if videos.ndim not in (4, 5):
            raise UserError(f"{_expected()}, got {tuple(videos.shape)}.")
        videos = [videos] if videos.ndim == 4 else list(videos)
    if not len(videos):
        raise UserError("there are no videos: name at least one.")
    return list(videos)


def _checked(frames: Frames) -> Tensor:
    if not isinstance(frames, Tensor | np.ndarray):
        raise UserError(f"a video is a file or an array of frames, not {type(frames).__name__}.")
    if frames.dtype not in (torch.uint8, np.uint8):
        raise UserError(
            f"{_expected()}, got {frames.dtype}: values in [0, 1] become bytes with (255 * x).round().to(torch.uint8)."
        )
    if frames.ndim != 4 or frames.shape[-1] != 3:
        channels_first = frames.ndim == 4 and frames.shape[1] == 3
        advice = ": move the channels last, as .permute(0, 2, 3, 1) does." if channels_first else "."
        raise UserError(f"{_expected()}, got {tuple(frames.shape)}{advice}")
    if 0 in frames.shape:
        raise UserError(f"a video of {tuple(frames.shape)} has no pixels: give at least one frame.")
    return frames if isinstance(frames, Tensor) else torch.from_numpy(np.ascontiguousarray(frames))


def _expected() -> str:
    return "frames are expected as RGB bytes, uint8 (frames, height, width, 3) or (videos, frames, height, width, 3)"

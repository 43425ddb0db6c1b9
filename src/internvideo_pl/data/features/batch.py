"""What a loader of features hands to a module.

Shapes: B batch, T places in time, C width of a feature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.video.faults import DecodeError


@dataclass(frozen=True)
class FeatureClip:
    """The features of a video, or of a stretch of it.

    Attributes:
        features: float32 (T, C); None where they could not be read (evaluation only).
        seconds: float64 (T,), the middle of each.
        index: Position of the video in its split.
        segments: float32 (n, 2), start and end of the true instances as places in `features`.
        labels: int64 (n,).
        duration: Seconds of the whole video.
        annotation: The sample's.
        faults: Files that failed while this was read.
    """

    features: Tensor | None
    seconds: NDArray[np.float64]
    index: int
    segments: Tensor
    labels: Tensor
    duration: float
    annotation: Any = None
    faults: tuple[DecodeError, ...] = ()


@dataclass
class FeatureBatch:
    """Features of several videos, padded at their ends with zeros.

    Attributes:
        features: float32 (B, C, T).
        mask: bool (B, T), false where padded.
        index: int64 (B,), positions in the split.
        segments: B tensors, float32 (n, 2): start and end of each true instance in places, 0 the first feature.
        labels: B tensors, int64 (n,).
        seconds: B arrays, float64 (length,): the middle of each feature; for turning places into seconds.
        durations: B numbers, seconds.
        annotations: B values, see `Sample`.
        faults: Files that failed while the batch was read.
    """

    features: Tensor
    mask: Tensor
    index: Tensor
    segments: list[Tensor]
    labels: list[Tensor]
    seconds: list[NDArray[np.float64]]
    durations: list[float]
    annotations: list[Any] = field(default_factory=list)
    faults: list[DecodeError] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of videos B."""
        return self.index.shape[0]

    def pin_memory(self) -> "FeatureBatch":
        """The same batch in page-locked memory."""
        return replace(
            self, features=self.features.pin_memory(), mask=self.mask.pin_memory(), index=self.index.pin_memory()
        )


def collate_features(clips: Sequence[FeatureClip], length: int, multiple: int) -> FeatureBatch:
    """Pads and stacks the readable ones, keeping the faults of all.

    Args:
        clips: One a video.
        length: T at least.
        multiple: T is a multiple of it.
    """
    kept = [clip for clip in clips if clip.features is not None]
    longest = max([length, *(len(clip.seconds) for clip in kept)])
    places = -(-longest // multiple) * multiple
    width = kept[0].features.shape[1] if kept and kept[0].features is not None else 0
    features = torch.zeros(len(kept), width, places)
    mask = torch.zeros(len(kept), places, dtype=torch.bool)
    for row, clip in enumerate(kept):
        assert clip.features is not None
        features[row, :, : len(clip.features)] = clip.features.T
        mask[row, : len(clip.features)] = True
    return FeatureBatch(
        features=features,
        mask=mask,
        index=torch.tensor([clip.index for clip in kept], dtype=torch.int64),
        segments=[clip.segments for clip in kept],
        labels=[clip.labels for clip in kept],
        seconds=[clip.seconds for clip in kept],
        durations=[clip.duration for clip in kept],
        annotations=[clip.annotation for clip in kept],
        faults=[fault for clip in clips for fault in clip.faults],
    )

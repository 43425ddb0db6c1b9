"""Files of features to batches: concatenated, resized, cropped in training, whole in evaluation.

Legend: N features of a video, T places of a clip, C width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.features.batch import FeatureClip
from internvideo_pl.data.features.crop import crop
from internvideo_pl.data.features.file import Timing, VideoFeatures, read_features
from internvideo_pl.data.features.grid import to_places, to_seconds
from internvideo_pl.data.order import Draw
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError

SHORTEST = 1e-3  # seconds; ActionFormer trains on no shorter instance
SUBSTITUTES = 20  # other videos that are tried in training before the run stops


@dataclass(kw_only=True)
class FeatureConfig:
    """How files of features become training clips.

    Attributes:
        max_len: Features that a training clip may have; longer videos are cut to stretches of that.
        resize: Whether every video's features are resampled to `max_len`, whatever its length (short videos that would
            give too few; FineAction's setting).
        crop_share: Shorter videos are cut to a share of their length, drawn between these; [1, 1] leaves them whole.
        keep_share: Least share of an instance that must lie in a stretch for it to count.
    """

    max_len: int = 2304
    resize: bool = False
    crop_share: tuple[float, float] = (0.9, 1.0)
    keep_share: float = 0.5

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: No features, or shares outside 0 to 1.
        """
        low, high = self.crop_share
        if self.max_len < 1 or not 0 < low <= high <= 1 or not 0 < self.keep_share <= 1:
            raise UserError(
                f"data.features: max_len={self.max_len} must be at least 1, crop_share={list(self.crop_share)} rising "
                f"within 0 to 1, keep_share={self.keep_share} above 0 and at most 1"
            )


class FeatureClips(Dataset[FeatureClip]):
    """A list of videos as features.

    Args:
        samples: Their path is a file of features; their annotation as `Untrimmed.annotation` makes it.
        config: How they are cut.
        timing: When the windows of files without time stamps are.
        more: A second folder's files by official id, whose features are laid beside the first's.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        config: FeatureConfig,
        timing: Timing | None,
        more: dict[str, str] | None = None,
    ) -> None:
        self.samples = samples
        self.config = config
        self.timing = timing
        self.more = more

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.samples)

    def __getitem__(self, index: int) -> FeatureClip:
        """A whole video; without features where they cannot be read."""
        sample = self.samples[index]
        try:
            return self.whole(index)
        except DecodeError as error:
            nothing = torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)
            return FeatureClip(None, np.zeros(0), index, *nothing, 0.0, sample.annotation, (error,))

    def whole(self, index: int) -> FeatureClip:
        """A whole video with its instances.

        Raises:
            DecodeError: Its features cannot be read.
        """
        sample = self.samples[index]
        found = self._read(sample)
        features, seconds = torch.from_numpy(found.features.astype(np.float32)), found.seconds
        duration = found.duration or sample.annotation["duration"] or _end(seconds)
        if self.config.resize and len(seconds) != self.config.max_len:
            features, seconds = resized(features, seconds, self.config.max_len)
        instances, labels = _instances(sample.annotation)
        return FeatureClip(
            features,
            seconds,
            index,
            torch.from_numpy(to_places(instances, seconds).astype(np.float32)),
            torch.from_numpy(labels),
            duration,
            sample.annotation,
        )

    def _read(self, sample: Sample) -> VideoFeatures:
        found = read_features(sample.path, self.timing)
        if self.more is None:
            return found
        if sample.key not in self.more:
            raise DecodeError(sample.path, f"has no second features: {sample.key} is not in the other folder")
        other = read_features(self.more[sample.key], self.timing)
        if len(other.seconds) != len(found.seconds):
            raise DecodeError(sample.path, f"has {len(found.seconds)} features and the second {len(other.seconds)}")
        both = np.concatenate([found.features, other.features], axis=1)
        return VideoFeatures(both, found.seconds, found.duration)


class TrainingFeatures(FeatureClips):
    """Random stretches; every choice is keyed by (seed, epoch, index), whichever process makes it.

    Args:
        seed: Seed of the run.
        offset: Places that a window reaches beyond its middle on each side; None for each video's own, which resampled
            features need: as many as there are from the video's beginning to the first middle.
        others: As for `FeatureClips`.
    """

    def __init__(self, *others: Any, seed: int, offset: float | None) -> None:
        super().__init__(*others)
        self.seed = seed
        self.offset = offset

    def __getitem__(self, draw: Draw) -> FeatureClip:  # type: ignore[override]
        """The stretch of a draw, or of a substitute with the faults that made it one.

        Raises:
            UserError: Many files in a row cannot be read.
        """
        faults: list[DecodeError] = []
        for attempt in range(min(SUBSTITUTES, len(self.samples))):
            index = (draw.index + attempt) % len(self.samples)
            try:
                return self._cropped(
                    self.whole(index), np.random.default_rng([self.seed, draw.epoch, draw.index]), tuple(faults)
                )
            except DecodeError as error:
                faults.append(error)
        raise UserError(f"{len(faults)} files of features in a row cannot be read, {faults[0]} first")

    def _cropped(self, clip: FeatureClip, rng: np.random.Generator, faults: tuple[DecodeError, ...]) -> FeatureClip:
        assert clip.features is not None
        config, length = self.config, len(clip.seconds)
        segments = clip.segments.double().numpy()
        offset = -float(to_places(0.0, clip.seconds)) if self.offset is None else self.offset
        first, last, inside, rows = crop(
            length, segments, config.max_len, config.crop_share, config.keep_share, offset, rng
        )
        return FeatureClip(
            clip.features[first:last],
            clip.seconds[first:last],
            clip.index,
            torch.from_numpy(inside.astype(np.float32)),
            clip.labels[torch.from_numpy(rows)],
            clip.duration,
            clip.annotation,
            faults,
        )


def resized(features: Tensor, seconds: NDArray[np.float64], length: int) -> tuple[Tensor, NDArray[np.float64]]:
    """Features (N, C) and their times at `length` evenly spread places, by linear interpolation."""
    new = F.interpolate(features.T[None], size=length, mode="linear", align_corners=False)[0].T
    places = (np.arange(length) + 0.5) * len(seconds) / length - 0.5  # of the new ones among the old
    return new, to_seconds(places, seconds)


def _instances(annotation: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Instances to train on, each once: seconds (n, 2) and classes (n,), without those of next to no length."""
    pairs = zip(annotation["segments"], annotation["labels"], strict=True)
    kept = list(dict.fromkeys((start, end, label) for (start, end), label in pairs if end - start > SHORTEST))
    table = np.asarray(kept, dtype=np.float64).reshape(-1, 3)
    return table[:, :2], table[:, 2].astype(np.int64)


def _end(seconds: NDArray[np.float64]) -> float:
    """Where a video ends whose duration nobody states: as far behind the last middle as the first is from 0."""
    return float(seconds[-1] + seconds[0])

"""Samples to clips: which frames, which crop, and what happens when a video cannot be read.

Shapes: T frames, H height, W width, V views.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from internvideo_pl.data.batch import Clip, Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.order import Draw
from internvideo_pl.errors import UserError
from internvideo_pl.video import sample as sampling
from internvideo_pl.video.decode import num_frames, read_frames
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.transform import (
    ClipTransform,
    PretrainTransform,
    TrainTransform,
    ViewsTransform,
    center_crop,
    resize_short,
)

SUBSTITUTES = 20  # other videos that are tried in training before the run stops: by then the folder is broken, not a file
STEP = 7_919  # to the next substitute; a prime, so that neighbours in a sorted list (one damaged archive) are left behind

TrainSampling = Callable[[int, int, int, np.random.Generator], np.ndarray]
TestSampling = Callable[[int, int, int, int], np.ndarray]

# (frames of the video, clip length, stride, generator) -> frame numbers (T,)
TRAIN_SAMPLING: dict[str, TrainSampling] = {
    "dense": sampling.dense_train,
    "pretrain": sampling.dense_pretrain,
    "segments": lambda frames, length, stride, generator: sampling.segments_train(frames, length, generator),
}
# (frames of the video, clip length, stride, views) -> frame numbers (V, T)
TEST_SAMPLING: dict[str, TestSampling] = {
    "dense": sampling.dense_views,
    "pretrain": sampling.dense_views,
    "segments": lambda frames, length, stride, views: (
        sampling.segments_center(frames, length)[None]
        if views == 1
        else sampling.sparse_views(frames, length, views)
    ),
}


@dataclass(kw_only=True)
class ClipConfig:
    """How a dataset's videos become batches of clips.

    Attributes:
        name: The dataset, a row of the table of datasets.
        root: Its folder; null looks for its name under `paths.data`.
        num_frames: T.
        sampling: Which frames: "dense" (a window at a stride, as in fine-tuning), "pretrain" (the same at an exact
            stride, as in masked pretraining) or "segments" (one frame of each of T equal parts).
        stride: Frames between two frames of a dense clip.
        size: Height and width of a clip in pixels.
        short_side: Short side to which frames are scaled while they are decoded for training, in pixels.
        crop: Training crop: "random_resized" (fine-tuning), "multi_scale" (masked pretraining) or "center".
        flip: Whether training clips may be mirrored; never done where a class or sentence says left or right.
        test_views: Clips of a test video.
        test_crops: Square crops of each test clip, along its longer side.
        batch_size: Clips a device and step.
        num_workers: Decoding processes; 0 decodes in the training process.
        pin_memory: Whether batches are put in page-locked memory, which speeds copies to a GPU.
        cache_gb: Budget for keeping short videos decoded in memory, in GiB; for data that fit.
        bad_videos: Share of the training list that may be unreadable before the run stops.
        mini_sizes: Options of the dataset's miniature that differ from its defaults, such as `train: 10` a class or
            `appearance: texture`.
    """

    name: str
    root: Path | None = None
    num_frames: int
    sampling: Literal["dense", "pretrain", "segments"] = "dense"
    stride: int = 4
    size: int = 224
    short_side: int = 256
    crop: Literal["random_resized", "multi_scale", "center"] = "random_resized"
    flip: bool = False
    test_views: int = 1
    test_crops: int = 1
    batch_size: int
    num_workers: int = 4
    pin_memory: bool = False
    cache_gb: float = 0.0
    bad_videos: float = 0.01
    mini_sizes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: A count is below 1, or the clip is larger than the decoded frame.
        """
        for name in ("num_frames", "stride", "size", "test_views", "test_crops", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"data.{name}={getattr(self, name)} must be at least 1")
        if self.num_workers < 0:
            raise UserError(f"data.num_workers={self.num_workers} must not be negative")
        if self.size > self.short_side:
            raise UserError(f"data.size={self.size} must not exceed data.short_side={self.short_side}")


class _Clips(Dataset[Clip]):
    """Reads chosen frames of samples, from memory where they are kept."""

    def __init__(self, samples: Sequence[Sample], config: ClipConfig, cache: FrameCache):
        self.samples = samples
        self.config = config
        self.cache = cache
        self.budget = int(config.cache_gb * 2**30)

    def count(self, path: Path) -> int:
        """Frames of a video."""
        return len(self._whole(path)) if self.budget else num_frames(path)

    def frames(self, path: Path, indices: np.ndarray) -> Tensor:
        """uint8 (T, H, W, 3), the short side scaled as the config says."""
        if self.budget:
            return self._whole(path)[torch.from_numpy(indices)]
        return read_frames(path, indices.tolist(), self.config.short_side)

    def _whole(self, path: Path) -> Tensor:
        return self.cache.get(path, self.config.short_side, self.budget)


class TrainingClips(_Clips):
    """Random clips; every choice is keyed by (seed, epoch, index), whichever process makes it.

    Args:
        samples: The training list.
        config: How clips are made.
        cache: Videos kept in memory.
        seed: Seed of the run.
        flip: Whether clips are mirrored half of the time.
    """

    def __init__(self, samples: Sequence[Sample], config: ClipConfig, cache: FrameCache, seed: int, flip: bool):
        super().__init__(samples, config, cache)
        self.seed = seed
        self.transform = _training_transform(config, flip)

    def __getitem__(self, draw: Draw) -> Clip:
        """The clip of a draw, or a substitute with the faults that made it one.

        Raises:
            UserError: Many videos in a row cannot be read.
        """
        generator = np.random.default_rng([self.seed, draw.epoch, draw.index])
        faults: list[DecodeError] = []
        for attempt in range(SUBSTITUTES):
            index = (draw.index + attempt * STEP) % len(self.samples)
            try:
                return self._read(index, generator, tuple(faults))
            except DecodeError as error:
                faults.append(error)
        raise UserError(f"{SUBSTITUTES} videos in a row cannot be read, {faults[0].path} first: {faults[0].reason}")

    def _read(self, index: int, generator: np.random.Generator, faults: tuple[DecodeError, ...]) -> Clip:
        sample, config = self.samples[index], self.config
        choose = TRAIN_SAMPLING[config.sampling]
        video = self.frames(sample.path, choose(self.count(sample.path), config.num_frames, config.stride, generator))
        text = sample.texts[int(generator.integers(len(sample.texts)))] if sample.texts else ""
        return Clip(self.transform(video, generator), index, 0, sample.label, text, faults)


class EvaluationClips(_Clips):
    """Every view of every sample, in order; a video that cannot be read is never replaced.

    Args:
        samples: The list to evaluate.
        config: How clips are made.
        cache: Videos kept in memory.
    """

    def __init__(self, samples: Sequence[Sample], config: ClipConfig, cache: FrameCache):
        super().__init__(samples, config, cache)
        self.num_views, self.num_crops = config.test_views, config.test_crops

    def __len__(self) -> int:
        """Views of all samples."""
        return len(self.samples) * self.num_views * self.num_crops

    def __getitem__(self, item: int) -> Clip:
        """One view; without a video where it cannot be read."""
        index, view = divmod(item, self.num_views * self.num_crops)
        sample = self.samples[index]
        text = sample.texts[0] if sample.texts else ""
        try:
            return Clip(self._read(sample, view), index, view, sample.label, text)
        except DecodeError as error:
            return Clip(None, index, view, sample.label, text, (error,))

    def _read(self, sample: Sample, view: int) -> Tensor:
        config = self.config
        segment, crop = divmod(view, self.num_crops)
        choose = TEST_SAMPLING[config.sampling]
        frames = choose(self.count(sample.path), config.num_frames, config.stride, self.num_views)[segment]
        return ViewsTransform(config.size, self.num_crops)(self.frames(sample.path, frames))[crop]


def _training_transform(config: ClipConfig, flip: bool) -> ClipTransform:
    """The training crop that the config names."""
    if config.crop == "multi_scale":
        return PretrainTransform(config.size)
    if config.crop == "random_resized":
        return TrainTransform(config.size, flip=0.5 if flip else 0.0)
    return lambda video, generator: center_crop(resize_short(video, config.size), config.size)

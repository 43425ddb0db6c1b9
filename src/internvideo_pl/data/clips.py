"""Samples to clips: which frames, which crop, and what happens when a video cannot be read.

Shapes: T frames, H height, W width, V views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from internvideo_pl.data.batch import Clip, Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.order import Draw
from internvideo_pl.data.sampling import (
    PADDING,
    PADDING_COLOR,
    TEST_SAMPLING,
    Footage,
    SamplingConfig,
    train_sampling,
)
from internvideo_pl.errors import UserError
from internvideo_pl.video.augment import AugmentConfig
from internvideo_pl.video.deadline import DEFAULT_SECONDS, limited
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.transform import (
    PRETRAIN_SCALES,
    SQUARE_SCALES,
    CenterTransform,
    ClipTransform,
    MultiScaleTransform,
    TrainTransform,
    ViewsTransform,
)

MULTI_SCALE = {"multi_scale": PRETRAIN_SCALES, "multi_scale_square": SQUARE_SCALES}

# Other videos that are tried in training before the run stops: by then the folder is broken, not a file.
SUBSTITUTES = 20
# To the next substitute; a prime, so that neighbours in a sorted list (one damaged archive) are left behind.
STEP = 7_919


@dataclass(kw_only=True)
class ClipConfig(SamplingConfig):
    """How a dataset's videos become batches of clips.

    Attributes:
        name: The dataset, a row of the table of datasets.
        root: Its folder; null looks for its name under `paths.data`.
        shards: Folder of tar shards to read the videos from, as `make shard` packs them; the lists stay in `root`.
        size: Height and width of a clip in pixels.
        short_side: Short side to which frames are scaled while they are decoded for training, in pixels; tests scale
            them to `size`.
        crop: Training crop: "random_resized" (fine-tuning), "multi_scale" (masked pretraining), "multi_scale_square"
            (open-set training) or "center".
        flip: Whether training clips may be mirrored; never done where a class or sentence says left or right.
        augment: What else is done to training clips, after the crop.
        num_sample: Training clips of each video that is read: one stretch of frames, cropped and augmented so often
            (repeated augmentation, arXiv 1901.09335). `batch_size`, and with it the learning rate, counts videos.
        test_crops: Square crops of each test clip, along its longer side.
        batch_size: Videos a device and step in training, and about as many clips in tests.
        num_workers: Decoding processes; 0 decodes in the training process.
        pin_memory: Whether batches are put in page-locked memory, which speeds copies to a GPU.
        cache_gb: Budget for keeping short videos decoded in memory, in GiB; for data that fit.
        decode_timeout: Seconds that reading one video may take; a slower one counts as unreadable, and a worker that
            hangs in one is ended. Infinity (`.inf`) waits for ever.
        bad_videos: Share of the training list that may be unreadable before the run stops.
        mini_sizes: Options of the dataset's miniature that differ from its defaults, such as `train: 10` a class or
            `appearance: texture`.
    """

    name: str
    root: Path | None = None
    shards: Path | None = None
    size: int = 224
    short_side: int = 256
    crop: Literal["random_resized", "multi_scale", "multi_scale_square", "center"] = "random_resized"
    flip: bool = False
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    num_sample: int = 1
    test_crops: int = 1
    batch_size: int
    num_workers: int = field(default=4, metadata={"identity": False})
    pin_memory: bool = field(default=False, metadata={"identity": False})
    cache_gb: float = field(default=0.0, metadata={"identity": False})
    decode_timeout: float = field(default=DEFAULT_SECONDS, metadata={"identity": False})
    bad_videos: float = 0.01
    mini_sizes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: A count is below 1, or the clip is larger than the decoded frame.
        """
        super().__post_init__()
        for name in ("size", "num_sample", "test_crops", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"data.{name}={getattr(self, name)} must be at least 1")
        if not self.decode_timeout > 0:
            raise UserError(f"data.decode_timeout={self.decode_timeout} must be more than 0 seconds")
        if self.num_workers < 0:
            raise UserError(f"data.num_workers={self.num_workers} must not be negative")
        if self.size > self.short_side:
            raise UserError(f"data.size={self.size} must not exceed data.short_side={self.short_side}")


class _Clips(Dataset[list[Clip]]):
    """Reads chosen frames of samples, from memory where they are kept.

    Attributes:
        hopeless: Reason by path of videos that are known to give no frame, which are not tried again.
    """

    hopeless: Mapping[str, str] = MappingProxyType({})

    def __init__(self, samples: Sequence[Sample], config: ClipConfig, cache: FrameCache, short_side: int):
        self.samples = samples
        self.config = config
        self.cache = cache
        self.short_side = short_side
        self.budget = int(config.cache_gb * 2**30)

    def footage(self, path: str) -> Footage:
        """What sampling knows of a video."""
        if path in self.hopeless:
            raise DecodeError(path, self.hopeless[path])
        with limited(path):
            source = open_source(path)
            return Footage(len(self._whole(path)) if self.budget else source.num_frames(), source.times)

    def frames(self, path: str, indices: np.ndarray) -> Tensor:
        """The frames of these numbers in one pass over the video, `PADDING` at their end.

        Returns:
            uint8 (T, H, W, 3), the short side scaled
        """
        real = indices[indices != PADDING]
        with limited(path):
            if self.budget:
                shown = self._whole(path)[torch.from_numpy(real)]
            else:
                shown = open_source(path).frames(real.tolist(), self.short_side)
        if len(real) == len(indices):
            return shown
        padding = torch.tensor(PADDING_COLOR, dtype=torch.uint8)
        return torch.cat([shown, padding.expand(len(indices) - len(real), *shown.shape[1:])])

    def _whole(self, path: str) -> Tensor:
        return self.cache.get(path, self.short_side, self.budget)


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
        super().__init__(samples, config, cache, config.short_side)
        self.seed = seed
        self.choose = train_sampling(config)
        self.transform = _training_transform(config, flip)

    def __getitem__(self, draw: Draw) -> list[Clip]:
        """The clips of a draw, or those of a substitute with the faults that made it one.

        Raises:
            UserError: Many videos in a row cannot be read.
        """
        generator = np.random.default_rng([self.seed, draw.epoch, draw.index])
        faults: list[DecodeError] = []
        for attempt in range(SUBSTITUTES):
            index = (draw.index + attempt * STEP) % len(self.samples)
            try:
                video, text = self._read(self.samples[index], generator)
            except DecodeError as error:
                faults.append(error)
                continue
            return self._clips(video, text, index, draw, tuple(faults))
        raise UserError(f"{SUBSTITUTES} videos in a row cannot be read, {faults[0].path} first: {faults[0].reason}")

    def _read(self, sample: Sample, generator: np.random.Generator) -> tuple[Tensor, str]:
        frames = self.choose(self.config, self.footage(sample.path), generator)
        video = self.frames(sample.path, frames)
        return video, sample.texts[int(generator.integers(len(sample.texts)))] if sample.texts else ""

    def _clips(self, video: Tensor, text: str, index: int, draw: Draw, faults: tuple[DecodeError, ...]) -> list[Clip]:
        sample, clips = self.samples[index], []
        for view in range(self.config.num_sample):
            # From 1: to numpy, a 0 at the end of a seed is none, and the first view would repeat the video's draws.
            generator = np.random.default_rng([self.seed, draw.epoch, draw.index, view + 1])
            cropped = self.transform(video, generator)
            key = int(generator.integers(2**63))
            seen = () if view else faults
            clips.append(Clip(cropped, index, view, sample.label, text, seen, key, sample.annotation))
        return clips


class EvaluationClips(_Clips):
    """All views of every sample, in order, a video read once; one that cannot be read is never replaced.

    Args:
        samples: The list to evaluate.
        config: How clips are made.
        cache: Videos kept in memory.
    """

    def __init__(self, samples: Sequence[Sample], config: ClipConfig, cache: FrameCache):
        super().__init__(samples, config, cache, config.size)
        self.transform = ViewsTransform(config.size, config.test_crops)

    @property
    def batch_size(self) -> int:
        """Samples a batch: as many as make about `config.batch_size` clips, and at least one."""
        return max(self.config.batch_size // (self.config.test_views * self.config.test_crops), 1)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> list[Clip]:
        """The views of a sample, all crops of the first stretch of frames first; one without a video on a fault."""
        sample = self.samples[index]
        try:
            frames = TEST_SAMPLING[self.config.sampling](self.config, self.footage(sample.path))
            return self.views(index, frames)
        except DecodeError as error:
            return [unread(sample, index, error)]

    def views(self, index: int, frames: np.ndarray, first: int = 0) -> list[Clip]:
        """Clips of chosen frames of a sample.

        Args:
            index: The sample's.
            frames: (V, T) frame numbers.
            first: Number of the first view.

        Raises:
            DecodeError: The video cannot be read.
        """
        sample = self.samples[index]
        crops = self.transform(self.frames(sample.path, frames.flatten()))  # (crops, V * T, size, size, 3)
        stretches = crops.unflatten(1, frames.shape).transpose(0, 1)  # (V, crops, T, size, size, 3)
        videos = [video for stretch in stretches for video in stretch]
        text = _first_text(sample)
        return [
            Clip(video, index, first + view, sample.label, text, annotation=sample.annotation)
            for view, video in enumerate(videos)
        ]


def unread(sample: Sample, index: int, error: DecodeError) -> Clip:
    """What stands for a test video that cannot be read."""
    return Clip(None, index, 0, sample.label, _first_text(sample), (error,), annotation=sample.annotation)


def _first_text(sample: Sample) -> str:
    return sample.texts[0] if sample.texts else ""


def _training_transform(config: ClipConfig, flip: bool) -> ClipTransform:
    """The training crop that the config names."""
    share = 0.5 if flip else 0.0
    if config.crop == "random_resized":
        return TrainTransform(config.size, flip=share)
    if config.crop in MULTI_SCALE:
        return MultiScaleTransform(config.size, MULTI_SCALE[config.crop], share)
    return CenterTransform(config.size, share)

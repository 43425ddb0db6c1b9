"""Which frames of a video an experiment's clips take: the words of a config, and the functions behind them.

Shapes: T frames of a clip, V views of a video, N frames of a video.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from internvideo_pl.errors import UserError
from internvideo_pl.video import sample

PADDING = -1  # a frame number that stands for no frame, at the end of clips of videos that are too short
# What padding shows: bytes that normalise to about zero with CLIP's statistics, as CLIP4Clip pads with zeros.
PADDING_COLOR = (123, 117, 104)


@dataclass(kw_only=True)
class SamplingConfig:
    """Which frames make a clip.

    Attributes:
        num_frames: T.
        sampling: Which frames: "dense" (a window at a stride, as in VideoMAE's fine-tuning), "pretrain" (the same at an
            exact stride, as in its pretraining), "segments" (one frame of each of T equal parts; several test views as
            in VideoMAE), "intervals" (the same as UniFormerV2 cuts them), "per_second" (`rate` frames a second, at most
            T, the rest padded) or "windows" (all windows of T frames of a video, for features; not for training).
        stride: Frames between two frames of a dense clip or of a window.
        rate: Frames a second of "per_second".
        hop: Frames between the beginnings of two "windows".
        test_views: Clips of a test video.
    """

    num_frames: int
    sampling: Literal["dense", "pretrain", "segments", "intervals", "per_second", "windows"] = "dense"
    stride: int = 4
    rate: float = 1.0
    hop: int = 16
    test_views: int = 1

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: A count is below 1, the rate is not positive, or several views are asked for where there is one.
        """
        for name in ("num_frames", "stride", "hop", "test_views"):
            if getattr(self, name) < 1:
                raise UserError(f"data.{name}={getattr(self, name)} must be at least 1")
        if self.rate <= 0:
            raise UserError(f"data.rate={self.rate} must be above 0")
        if self.test_views > 1 and self.sampling in ("per_second", "windows"):
            raise UserError(f"data.sampling={self.sampling} leaves no choice of views: set data.test_views=1")

    @property
    def sampling_protocol(self) -> str:
        """What of the sampling must agree for two numbers to be comparable, beside the number of frames and views."""
        described = {
            "segments": "segments",
            "intervals": "intervals",
            "per_second": f"{self.rate:g} a second",
            "windows": f"windows, stride {self.stride}, hop {self.hop}",
        }
        return described.get(self.sampling, f"dense, stride {self.stride}")


@dataclass(frozen=True)
class Footage:
    """What sampling knows of a video.

    Attributes:
        num_frames: N.
        times: Gives float64 (N,), seconds at which each frame is shown; asked only where it matters.
    """

    num_frames: int
    times: Callable[[], np.ndarray]


TrainSampling = Callable[[SamplingConfig, Footage, np.random.Generator], np.ndarray]
TestSampling = Callable[[SamplingConfig, Footage], np.ndarray]


# Named functions, not lambdas: where processes are spawned (macOS, Windows), loader workers get them by name.


def _dense_train(config: SamplingConfig, footage: Footage, rng: np.random.Generator) -> np.ndarray:
    return sample.dense_train(footage.num_frames, config.num_frames, config.stride, rng)


def _pretrain_train(config: SamplingConfig, footage: Footage, rng: np.random.Generator) -> np.ndarray:
    return sample.dense_pretrain(footage.num_frames, config.num_frames, config.stride, rng)


def _segments_train(config: SamplingConfig, footage: Footage, rng: np.random.Generator) -> np.ndarray:
    return sample.segments_train(footage.num_frames, config.num_frames, rng)


def _intervals_train(config: SamplingConfig, footage: Footage, rng: np.random.Generator) -> np.ndarray:
    return sample.intervals_train(footage.num_frames, config.num_frames, rng)


def _per_second_train(config: SamplingConfig, footage: Footage, rng: np.random.Generator) -> np.ndarray:
    frames = sample.per_second(footage.times(), config.num_frames, config.rate)
    return np.pad(frames, (0, config.num_frames - len(frames)), constant_values=PADDING)


def _dense_test(config: SamplingConfig, footage: Footage) -> np.ndarray:
    return sample.dense_views(footage.num_frames, config.num_frames, config.stride, config.test_views)


def _segments_test(config: SamplingConfig, footage: Footage) -> np.ndarray:
    if config.test_views == 1:
        return sample.segments_center(footage.num_frames, config.num_frames)[None]
    return sample.sparse_views(footage.num_frames, config.num_frames, config.test_views)


def _intervals_test(config: SamplingConfig, footage: Footage) -> np.ndarray:
    return sample.intervals_views(footage.num_frames, config.num_frames, config.test_views)


def _per_second_test(config: SamplingConfig, footage: Footage) -> np.ndarray:
    return _per_second_train(config, footage, np.random.default_rng(0))[None]  # nothing is drawn


def _windows_test(config: SamplingConfig, footage: Footage) -> np.ndarray:
    return sample.sliding_windows(footage.num_frames, config.num_frames, config.hop, config.stride)


# sampling -> frame numbers (T,) of a training clip
TRAIN_SAMPLING: dict[str, TrainSampling] = {
    "dense": _dense_train,
    "pretrain": _pretrain_train,
    "segments": _segments_train,
    "intervals": _intervals_train,
    "per_second": _per_second_train,
}
# sampling -> frame numbers (V, T) of a test video's views
TEST_SAMPLING: dict[str, TestSampling] = {
    "dense": _dense_test,
    "pretrain": _dense_test,
    "segments": _segments_test,
    "intervals": _intervals_test,
    "per_second": _per_second_test,
    "windows": _windows_test,
}


def train_sampling(config: SamplingConfig) -> TrainSampling:
    """The training sampling that a config names.

    Raises:
        UserError: It is for features only.
    """
    if config.sampling not in TRAIN_SAMPLING:
        choices = ", ".join(TRAIN_SAMPLING)
        raise UserError(f"data.sampling={config.sampling} cannot train: it takes all of a video; choose {choices}")
    return TRAIN_SAMPLING[config.sampling]

"""The DataModule base of temporal localisation: long videos as windows (to make features) or features (to train on)."""

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.features.batch import collate_features
from internvideo_pl.data.features.clips import SHORTEST, FeatureClips, FeatureConfig, TrainingFeatures
from internvideo_pl.data.features.file import Timing
from internvideo_pl.data.loader import TrainingLoader, loading
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.order import EvaluationOrder, TrainingOrder
from internvideo_pl.data.temporal.annotation import Untrimmed
from internvideo_pl.data.temporal.stream import WindowStream
from internvideo_pl.errors import UserError

DIVISIBLE = 32  # places of a batch are a multiple of it, so that a pyramid can halve them five times


@dataclass(frozen=True)
class Evaluation:
    """One way in which a benchmark's detections are scored.

    Attributes:
        name: Goes before the metrics' names; empty for the headline.
        thresholds: Least overlaps.
        words: The thresholds as a protocol writes them, e.g. "0.5:0.05:0.95".
        evaluator: "activitynet" or "thumos14", see `metrics.temporal`.
        blocked: Videos that are left out of both sides.
    """

    name: str
    thresholds: tuple[float, ...]
    words: str
    evaluator: Literal["activitynet", "thumos14"] = "activitynet"
    blocked: frozenset[str] = frozenset()


FROM_HALF = Evaluation("", tuple(round(0.5 + 0.05 * step, 2) for step in range(10)), "0.5:0.05:0.95")


@dataclass(frozen=True)
class Truth:
    """The official instances of a split, all videos of its list included, as arrays.

    Attributes:
        video: int64 (G,): first those that are in the split's samples, in their order, then the missing ones.
        segment: float64 (G, 2), seconds.
        label: int64 (G,); -1 for an ambiguous stretch.
        keys: Official id by number.
    """

    video: NDArray[np.int64]
    segment: NDArray[np.float64]
    label: NDArray[np.int64]
    keys: list[str]


@dataclass(kw_only=True)
class LocalizationConfig(ClipConfig):
    """A dataset of long videos.

    Attributes:
        num_frames: Frames of a window.
        stride: Frames between two frames of a window.
        hop: Frames between the beginnings of two windows.
        fps: Frames a second to which videos are resampled before windows are cut, and those that features without time
            stamps were made with; null for each video's own.
        test_on: The list that is tested on; "all" for all lists, to make features of.
        features: How features become training clips.
    """

    num_frames: int = 16
    stride: int = 1
    fps: float | None = None
    test_on: Literal["val", "test", "all"] = "val"
    features: FeatureConfig = field(default_factory=FeatureConfig)

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: The rate is not positive, or what `ClipConfig` refuses.
        """
        super().__post_init__()
        if self.fps is not None and self.fps <= 0:
            raise UserError(f"data.fps={self.fps} must be above 0, or null for each video's own")


class LocalizationData(VideoData):
    """Long videos with actions in time.

    With `data.sampling=windows` the test loader gives every window of every video (`WindowStream`); else both loaders
    give features (`FeatureBatch`), once `use_features` has said where those are.

    Subclasses state their `facts`, and implement `videos` and `find`.
    """

    config: LocalizationConfig
    divisible: int = DIVISIBLE  # places of a batch
    lists: tuple[str, ...] = ("train", "val")  # of which features are made
    feature_files: dict[str, str] | None = None
    more_files: dict[str, str] | None = None
    scores: dict[str, NDArray[np.float64]] | None = None  # class scores of whole videos, (K,) by official id
    done: Any = staticmethod(lambda key: False)  # whether a video's features are there already

    @abstractmethod
    def videos(self, split: str) -> list[Untrimmed]:
        """The official list of "train", "val" or "test", in its order.

        Raises:
            UserError: The list is not there or not sound.
        """

    @abstractmethod
    def find(self, split: str) -> dict[str, str]:
        """Where the videos of a split are, by official id."""

    @property
    def reads_features(self) -> bool:
        """Whether the loaders give features that another run made of the videos, not the videos."""
        return bool(self.config.sampling != "windows")

    def evaluations(self) -> list[Evaluation]:
        """How detections are scored, the headline's way first."""
        return [FROM_HALF]

    def use_features(self, files: dict[str, str], more: dict[str, str] | None = None) -> None:
        """Read features instead of videos.

        Args:
            files: Path by official id.
            more: Those of a second kind, which are laid beside the first.
        """
        self.feature_files, self.more_files = files, more

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    @property
    def protocol(self) -> dict[str, str | int]:
        """Of windows as of all clips; of detections, how they are scored."""
        if self.config.sampling == "windows":
            rate = {} if self.config.fps is None else {"fps": f"{self.config.fps:g}"}
            return {**super().protocol, **rate}
        headline = self.evaluations()[0]
        return {
            "dataset": self.facts.name,
            "split": self.test_list,
            "tiou": headline.words,
            "evaluator": headline.evaluator,
        }

    def listed_videos(self, split: str) -> list[Untrimmed]:
        """As `videos`; "test" is what is tested on."""
        if split != "test":
            return self.videos(split)
        names = self.lists if self.test_list == "all" else (self.test_list,)
        return [video for name in names for video in self.videos(name)]

    def read(self, split: str) -> Split:
        """Those of the official list of which there is a video, or features."""
        index = {name: label for label, name in enumerate(self.classes)}
        places = self._places(split)
        found = Split()
        for video in self.listed_videos(split):
            path = places.get(video.key)
            if path is None:
                found.missing.append(video.key)
                continue
            labels = [index[each.label] for each in video.instances]
            first = labels[0] if labels else -1
            found.samples.append(Sample(path, video.key, first, annotation=video.annotation(index)))
        return found

    def _places(self, split: str) -> dict[str, str]:
        if self.feature_files is not None:
            return self.feature_files
        if self.shards is not None:
            return dict(self.shards)
        if split == "test" and self.test_list == "all":
            return {key: path for name in self.lists for key, path in self.find(name).items()}
        return self.find(self.test_list if split == "test" else split)

    def truth(self) -> Truth:
        """The official instances of what is tested on."""
        split = self.split("test")
        keys = [sample.key for sample in split.samples] + split.missing
        number = {key: i for i, key in enumerate(keys)}
        index = {name: label for label, name in enumerate(self.classes)}
        rows = [
            (number[video.key], start, end, label)
            for video in self.listed_videos("test")
            for start, end, label in [
                *((each.start, each.end, index[each.label]) for each in video.instances),
                *((start, end, -1) for start, end in video.ambiguous),
            ]
        ]
        table = np.asarray(rows, dtype=np.float64).reshape(-1, 4)
        return Truth(table[:, 0].astype(np.int64), table[:, 1:3], table[:, 3].astype(np.int64), keys)

    @cached_property
    def _trained(self) -> list[Sample]:
        """Training videos with an instance: a video without one has no stretch to learn from."""
        samples = self.split("train").samples
        return [s for s in samples if any(end - start > SHORTEST for start, end in s.annotation["segments"])]

    @property
    def repeats(self) -> int:
        """Walks over the list in an epoch: enough for one full batch when the list is shorter than a batch."""
        return -(-self.config.batch_size // max(len(self._trained), 1))

    def steps_per_epoch(self) -> int:
        """Batches that one process reads in an epoch when it runs alone."""
        return len(self._trained) * self.repeats // self.config.batch_size

    def seconds(self, sample: Sample) -> float | None:
        """As the list says."""
        return sample.annotation["duration"]

    @property
    def timing(self) -> Timing | None:
        """When the windows of features without time stamps are."""
        config = self.config
        if config.fps is None:
            return None
        return Timing(config.num_frames * config.stride, config.hop, config.fps)

    def train_dataloader(self) -> TrainingLoader:
        """Shuffled stretches of the training list's features."""
        config = self.config
        self._require_features()
        offset = None if config.features.resize else 0.5 * config.num_frames * config.stride / config.hop
        arguments = (self._trained, config.features, self.timing, self.more_files)
        clips = TrainingFeatures(*arguments, seed=self.seed, offset=offset)
        order = TrainingOrder(len(self._trained), self.seed, self.repeats)
        loader = TrainingLoader(clips, order, config)
        loader.collate_fn = partial(collate_features, length=config.features.max_len, multiple=self.divisible)
        return loader

    def test_dataloader(self) -> DataLoader:
        """Every window of every video, or every video's features, one a batch."""
        samples, config = self.split("test").samples, self.config
        settings = loading(config)
        if config.sampling == "windows":
            stream = WindowStream(samples, config, self.cache, config.fps, self.done)
            stream.clips.hopeless = self.hopeless("test")
            return DataLoader(stream, **settings | {"batch_size": None, "collate_fn": None})
        self._require_features()
        clips = FeatureClips(samples, config.features, self.timing, self.more_files)
        collate = partial(collate_features, length=1, multiple=self.divisible)
        order = EvaluationOrder(len(samples))
        return DataLoader(clips, sampler=order, **settings | {"batch_size": 1, "collate_fn": collate})

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """As it is: windows and features are not augmented."""
        return batch

    def _require_features(self) -> None:
        if self.feature_files is None:
            raise UserError(
                f"{self.facts.name} is localised from features: name those with ARGS=parents.features=<experiment or "
                "folder>, or make them with data.sampling=windows"
            )

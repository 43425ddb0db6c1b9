"""The DataModule base of every benchmark: official lists in, batches out."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
from torch.utils.data import DataLoader, Dataset

from internvideo_pl.data.batch import Batch, Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, TrainingClips
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.loader import TrainingLoader, loading
from internvideo_pl.data.manifest import Manifest
from internvideo_pl.data.order import EvaluationOrder, TrainingOrder
from internvideo_pl.data.shards.lookup import Shards
from internvideo_pl.data.windows import WindowClips
from internvideo_pl.errors import UserError
from internvideo_pl.video.augment import ClipAugment
from internvideo_pl.video.faults import DecodeError

_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)


class Split:
    """One split of a dataset as its official list has it.

    Attributes:
        samples: Entries whose video is on disk, in official order.
        missing: Keys of the entries whose video is not, or is known to be unreadable.
        faults: Why videos are known to be unreadable, whether they are in `samples` or not.
        missing_texts: Sentences of the missing entries.
    """

    def __init__(
        self, samples: Iterable[Sample] = (), missing: Iterable[str] = (), faults: Iterable[DecodeError] = ()
    ) -> None:
        self.samples = SampleIndex(samples)
        self.missing = list(missing)
        self.faults = list(faults)
        self.missing_texts = 0

    @property
    def official(self) -> int:
        """Number of entries in the official list."""
        return len(self.samples) + len(self.missing)


class VideoData(L.LightningDataModule):
    """Loaders over a dataset's official splits.

    Subclasses state their `facts` and implement `read`; they never touch sampling or decoding.

    Args:
        config: How clips are read.
        root: The dataset's folder, in its official layout.
        seed: Seed of sampling order, clip positions and augmentation.
        cache: Videos kept in memory; shared by the stages of a pipeline.
        manifest: What `make doctor` found out about the files, if it was asked.
    """

    facts: ClassVar[DatasetFacts]
    captions: ClassVar[str] = "one a video"  # a retrieval test's queries: that, "all" or "paragraph"
    test_splits: ClassVar[tuple[str, ...]] = ("test",)  # the list behind each loader of a test
    official: bool = True  # whether there is an official layout, which stands under paths.data by the dataset's name
    keeps_scores: ClassVar[bool] = False  # whether a test writes down each video's class scores, for other tasks
    folder_name: ClassVar[str | None] = None  # its folder there, where several names read one dataset
    has_videos: bool = True  # whether samples are videos that can be decoded, and not scenes of a simulator

    def __init__(
        self,
        config: ClipConfig,
        root: Path,
        seed: int = 0,
        cache: FrameCache | None = None,
        manifest: Manifest | None = None,
    ):
        super().__init__()
        self.config = config
        self.root = root
        self.seed = seed
        self.splits: dict[str, Split] = {}
        self.cache = cache or FrameCache()
        self.augment = ClipAugment(config.augment)
        self.manifest = manifest
        self.hung: dict[str, str] = {}  # reason by path of videos in which an earlier attempt of the run hung

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return "test"

    @property
    def protocol(self) -> dict[str, str | int]:
        """What of the reading must agree for two numbers to be comparable."""
        config = self.config
        return {
            "dataset": self.facts.name,
            "split": self.test_list,
            "frames": config.num_frames,
            "sampling": config.sampling_protocol,
            "size": config.size,
            "views": config.test_views,
            "crops": config.test_crops,
            **(self.shards.protocol if self.shards is not None else {}),
        }

    @cached_property
    def shards(self) -> Shards | None:
        """Where packed videos are, by key; None when the videos are files in the dataset's folder.

        Raises:
            UserError: `data.shards` names no finished folder of shards.
        """
        return Shards(self.config.shards) if self.config.shards is not None else None

    @abstractmethod
    def read(self, split: str) -> Split:
        """The official list of "train", "val" or "test".

        Raises:
            UserError: The dataset is not at `root`.
        """

    def listed(self, split: str) -> Split:
        """The same, opening no video, for data whose `read` does."""
        return self.read(split)

    def seconds(self, sample: Sample) -> float | None:
        """How long a video lasts by its annotation; None where that does not say."""
        return None

    @property
    def classes(self) -> list[str]:
        """Class names in label order; empty for data without classes."""
        return []

    @property
    def reads_features(self) -> bool:
        """Whether the loaders give features that another run made of the videos, not the videos."""
        return False

    def rows_in(self, names: Sequence[str] | None, count: int) -> list[int] | None:
        """Rows of a classifier of other classes that serve this dataset's own, in its order.

        Args:
            names: The classifier's classes; None where its file does not say.
            count: How many there are.

        Returns:
            A row a class; None when the names are not known, or not every class is among them.
        """
        rows = {name: row for row, name in enumerate(names or ())}
        return [rows[name] for name in self.classes] if self.classes and set(self.classes) <= rows.keys() else None

    def split(self, name: str) -> Split:
        """A split, read once; what the manifest knows to be unreadable is among its faults.

        Raises:
            UserError: None of the split's videos is on disk.
        """
        if name not in self.splits:
            found = self.read(name)
            if not found.samples:
                raise UserError(
                    f"none of the {found.official} videos of {self.facts.name}'s {name} split is under "
                    f"{self.config.shards or self.root}; "
                    f"expected layout: {self.facts.layout}"
                )
            if self.manifest is not None:
                known = self.manifest.hopeless(sample.path for sample in found.samples)
                found.faults += [DecodeError(path, reason) for path, reason in known.items()]
            self.splits[name] = found
        return self.splits[name]

    def training_clips(self, seed: int) -> TrainingClips:
        """Random clips of the training list, for draws in any order."""
        samples = self.split("train").samples
        clips = TrainingClips(samples, self.config, self.cache, seed, flip=self.config.flip and self._flippable())
        clips.hopeless = self.hopeless("train")
        return clips

    def evaluation_clips(self, samples: Sequence[Sample]) -> EvaluationClips:
        """The clips of a test list."""
        kind = WindowClips if self.config.sampling == "windows" else EvaluationClips
        return kind(samples, self.config, self.cache)

    def train_dataloader(self) -> TrainingLoader:
        """Shuffled training clips; an incomplete last batch is dropped."""
        order = TrainingOrder(len(self.split("train").samples), self.seed, self.repeats)
        return TrainingLoader(self.training_clips(self.seed), order, self.config)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Test clips: every view of every video."""
        return self.evaluation_loader("test")

    def shown(self) -> Dataset[Any]:
        """The test's clips as pixels, for pictures of them."""
        loaders: Any = self.test_dataloader()
        return (loaders[0] if isinstance(loaders, list) else loaders).dataset

    def evaluation_loader(self, split: str) -> DataLoader[Batch]:
        """Every view of every video of a split, read as in tests."""
        clips = self.evaluation_clips(self.split(split).samples)
        clips.hopeless = self.hopeless(split)
        settings = loading(self.config) | {"batch_size": clips.batch_size}
        loader: DataLoader[Any] = DataLoader(clips, sampler=EvaluationOrder(len(clips)), **settings)
        return loader

    def hopeless(self, split: str) -> dict[str, str]:
        """Reason by path of videos of a split that are known to give no frame."""
        return {fault.path: fault.reason for fault in self.split(split).faults} | self.hung

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Training clips with the config's augmentation, done where they are: on the device, when there is one."""
        assert self.trainer is not None
        if not (self.trainer.training and self.config.augment.active):
            return batch
        return replace(batch, video=self.augment(batch.video, batch.keys))

    @property
    def repeats(self) -> int:
        """Walks over the list in an epoch: enough for one full batch when the list is shorter than a batch."""
        return -(-self.config.batch_size // len(self.split("train").samples))

    def steps_per_epoch(self) -> int:
        """Batches that one process reads in an epoch when it runs alone."""
        return len(self.split("train").samples) * self.repeats // self.config.batch_size

    def _flippable(self) -> bool:
        """Mirroring a clip must not change what is true of it: no flip where a label or sentence names a side."""
        texts = [text for sample in self.split("train").samples for text in sample.texts]
        return not any(_SIDES.search(name) for name in [*self.classes, *texts])

"""The DataModule base of every benchmark: official lists in, batches out."""

import re
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import lightning as L
from torch.utils.data import DataLoader, Dataset

from internvideo_pl.data.batch import Batch, Sample, collate
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, TrainingClips
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.order import EvaluationOrder, TrainingOrder
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError

_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)


@dataclass
class Split:
    """One split of a dataset as its official list has it.

    Attributes:
        samples: Entries whose video is on disk, in official order.
        missing: Keys of the entries whose video is not, or is known to be unreadable.
        faults: Why the latter are.
    """

    samples: list[Sample]
    missing: list[str] = field(default_factory=list)
    faults: list[DecodeError] = field(default_factory=list)

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
    """

    facts: ClassVar[DatasetFacts]
    official: bool = True  # whether there is an official layout, which stands under paths.data by the dataset's name

    def __init__(self, config: ClipConfig, root: Path, seed: int = 0, cache: FrameCache | None = None):
        super().__init__()
        self.config = config
        self.root = root
        self.seed = seed
        self.splits: dict[str, Split] = {}
        self.cache = cache or FrameCache()

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
            "sampling": config.sampling if config.sampling == "segments" else f"dense, stride {config.stride}",
            "size": config.size,
            "views": config.test_views,
            "crops": config.test_crops,
        }

    @abstractmethod
    def read(self, split: str) -> Split:
        """The official list of "train", "val" or "test".

        Raises:
            UserError: The dataset is not at `root`.
        """

    @property
    def classes(self) -> list[str]:
        """Class names in label order; empty for data without classes."""
        return []

    def split(self, name: str) -> Split:
        """A split, read once.

        Raises:
            UserError: None of the split's videos is on disk.
        """
        if name not in self.splits:
            found = self.read(name)
            if not found.samples:
                raise UserError(
                    f"none of the {found.official} videos of {self.facts.name}'s {name} split is under {self.root}; "
                    f"expected layout: {self.facts.layout}"
                )
            self.splits[name] = found
        return self.splits[name]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled training clips; an incomplete last batch is dropped."""
        samples = self.split("train").samples
        clips = TrainingClips(samples, self.config, self.cache, self.seed, flip=self.config.flip and self._flippable())
        order = TrainingOrder(len(samples), self.seed, self.repeats)
        return self._loader(clips, order, drop_last=True)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Test clips: every view of every video."""
        samples = self.split("test").samples
        clips = EvaluationClips(samples, self.config, self.cache)
        return self._loader(clips, EvaluationOrder(len(clips)), drop_last=False)

    @property
    def repeats(self) -> int:
        """Walks over the list in an epoch: enough for one full batch when the list is shorter than a batch."""
        return -(-self.config.batch_size // len(self.split("train").samples))

    def steps_per_epoch(self) -> int:
        """Batches that one process reads in an epoch when it runs alone."""
        return len(self.split("train").samples) * self.repeats // self.config.batch_size

    def _loader(self, clips: Dataset, order: TrainingOrder | EvaluationOrder, drop_last: bool) -> DataLoader[Batch]:
        workers = self.config.num_workers
        return DataLoader(
            clips,
            batch_size=self.config.batch_size,
            sampler=order,
            collate_fn=collate,
            num_workers=workers,
            drop_last=drop_last,
            persistent_workers=workers > 0,
            pin_memory=self.config.pin_memory,
        )

    def _flippable(self) -> bool:
        """Mirroring a clip must not change what is true of it: no flip where a label or sentence names a side."""
        texts = [text for sample in self.split("train").samples for text in sample.texts]
        return not any(_SIDES.search(name) for name in [*self.classes, *texts])

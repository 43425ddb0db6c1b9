"""A dataset whose clips are features of a frozen backbone: nothing is decoded any more.

Batches are those of the dataset itself, but for `video`, which holds float16 features (B, ...).
"""

from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from internvideo_pl.data.batch import Batch, Clip
from internvideo_pl.data.cached.store import Store
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.loader import TrainingLoader, loading
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.order import Draw, EvaluationOrder, TrainingOrder
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError


class TrainingFeatures(Dataset[list[Clip]]):
    """A random view of each drawn video; the next readable one stands in for a video that could not be read."""

    def __init__(self, samples: SampleIndex, store: Store, seed: int) -> None:
        self.samples = samples
        self.store = store
        self.seed = seed
        if not store.places:
            raise UserError(f"none of the {store.videos} videos of the {store.split} list can be read; see the ledger")

    def __getitem__(self, draw: Draw) -> list[Clip]:
        """The features of one view."""
        generator = np.random.default_rng([self.seed, draw.epoch, draw.index])
        index, faults = draw.index, []
        while index not in self.store.places:
            faults.append(DecodeError(self.samples[index].path, self.store.faults[index]))
            index = (index + 1) % len(self.samples)
        view = int(generator.integers(len(self.store.places[index])))
        features, sample = self.store.get(index, view), self.samples[index]
        return [Clip(features, index, view, sample.label, faults=tuple(faults), annotation=sample.annotation)]


class EvaluationFeatures(Dataset[list[Clip]]):
    """All views of every video, in order; one that could not be read is never replaced."""

    def __init__(self, samples: SampleIndex, store: Store) -> None:
        self.samples = samples
        self.store = store

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.samples)

    def __getitem__(self, index: int) -> list[Clip]:
        """The features of a video's views."""
        sample, views = self.samples[index], self.store.places.get(index)
        if views is None:
            fault = DecodeError(sample.path, self.store.faults[index])
            return [Clip(None, index, 0, sample.label, faults=(fault,), annotation=sample.annotation)]
        return [
            Clip(self.store.get(index, view), index, view, sample.label, annotation=sample.annotation)
            for view in range(len(views))
        ]


class CachedData(VideoData):
    """A dataset with the features of its training and test list.

    Args:
        inner: The dataset; its lists, classes and protocol are this one's.
        stores: By split, filled.
    """

    def __init__(self, inner: VideoData, stores: dict[str, Store]) -> None:
        super().__init__(inner.config, inner.root, inner.seed, inner.cache, inner.manifest)
        self.inner = inner
        self.stores = stores
        self.facts = inner.facts  # type: ignore[misc]  # of the dataset at hand, not of a class
        self.hung = inner.hung

    @property
    def test_list(self) -> str:
        """The inner dataset's."""
        return self.inner.test_list

    @property
    def protocol(self) -> dict[str, str | int]:
        """The inner dataset's: features of the same views are the same test."""
        return self.inner.protocol

    @property
    def classes(self) -> list[str]:
        """The inner dataset's."""
        return self.inner.classes

    def read(self, split: str) -> Split:
        """The inner dataset's list."""
        return self.inner.split(split)

    def train_dataloader(self) -> TrainingLoader:
        """Shuffled features; an incomplete last batch is dropped."""
        samples = self.split("train").samples
        order = TrainingOrder(len(samples), self.seed, self.repeats)
        return TrainingLoader(TrainingFeatures(samples, self.stores["train"], self.seed), order, self.config)

    def shown(self) -> Dataset[Any]:
        """The inner dataset's clips, read anew."""
        return self.inner.shown()

    def evaluation_loader(self, split: str) -> DataLoader[Batch]:
        """Features of every view of every video of a split."""
        clips: Any = EvaluationFeatures(self.split(split).samples, self.stores[split])
        return DataLoader(clips, sampler=EvaluationOrder(len(clips)), **loading(self.config))

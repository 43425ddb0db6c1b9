"""A mixture of datasets for pretraining: each part with its weight, its own folder and its own sampling.

`weight` is a part's share of the draws, over the sum of the weights. An epoch has `epoch_size` draws, or else as many
as the parts have videos, so that with weights in proportion to their sizes every video comes once. Parts of images are
drawn beside the videos: each step has a batch of `batch_size` videos and one of `image_batch_size` images.
"""

from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.loader import TrainingLoader
from internvideo_pl.data.mixing import JoinedIndex, MixtureClips, MixtureOrder, Stream
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.errors import UserError

MIXTURE = DatasetFacts(
    name="mixture",
    task="pretraining",
    splits={},
    url="see its parts",
    licence="those of its parts",
    terms="those of its parts",
    layout="one folder a part, as each dataset has it",
)

# What one list of the mixture says about a part: one row of the manifest.
Row = dict[str, str | int | float]


class MixtureData(VideoData):
    """Several datasets as one training list; tests are those of one part.

    Args:
        config: Parts and weights.
        parts: The datasets of all parts with a weight, by name.
        seed: Seed of sampling order, clip positions and augmentation.
        cache: Videos kept in memory.
    """

    facts = MIXTURE
    config: MixtureConfig

    def __init__(
        self, config: MixtureConfig, parts: dict[str, VideoData], seed: int = 0, cache: FrameCache | None = None
    ):
        super().__init__(config, Path(), seed, cache)
        self.parts = parts
        self.left_out = {name: "its weight is 0" for name, part in config.parts.items() if part.weight == 0}

    @property
    def tested(self) -> VideoData:
        """The part whose test list is tested on."""
        return self.parts[self.config.tested or next(iter(self.parts))]

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.tested.test_list

    @property
    def protocol(self) -> dict[str, str | int]:
        """That of the part that is tested on."""
        return self.tested.protocol

    @cached_property
    def taken(self) -> dict[str, VideoData]:
        """The parts that are drawn from; `left_out` then says why others are not.

        Raises:
            UserError: A part that is not optional is not there.
        """
        taken = {}
        for name, data in self.parts.items():
            try:
                data.split("train")
            except UserError as error:
                if not self.config.parts[name].optional:
                    raise UserError(
                        f"data.parts.{name}: {error}; to go without it, set data.parts.{name}.weight=0"
                    ) from error
                self.left_out[name] = str(error)
                continue
            taken[name] = data
        if not any(not self.config.parts[name].images for name in taken):
            raise UserError(f"no videos are left in the mixture: {'; '.join(self.left_out.values())}")
        return taken

    def read(self, split: str) -> Split:
        """All training lists as one, or the test list of one part."""
        if split != "train":
            return self.tested.split(split)
        splits = {name: data.split("train") for name, data in self.taken.items()}
        joined = Split(
            missing=[f"{name}/{key}" for name, found in splits.items() for key in found.missing],
            faults=[fault for found in splits.values() for fault in found.faults],
        )
        joined.samples = JoinedIndex({name: found.samples for name, found in splits.items()})
        return joined

    def train_dataloader(self) -> TrainingLoader:
        """Steps of a batch of videos and, where there are images, one of images."""
        for data in self.taken.values():
            data.hung = self.hung
        firsts = self._firsts
        clips = MixtureClips([data.training_clips(self.seed + i) for i, data in enumerate(self.taken.values())], firsts)
        streams, batches = [], []
        for number, (names, batch) in enumerate(self._groups()):
            sizes = [self._size(name) for name in names]
            where = [firsts[list(self.taken).index(name)] for name in names]
            streams.append(Stream(sizes, self._counts(names), where, [self.seed, number]))
            batches.append(batch)
        order = MixtureOrder(streams, batches, self.steps_per_epoch(), self.seed)
        return TrainingLoader(clips, order, replace(self.config, batch_size=sum(batches)))

    def test_dataloader(self) -> Any:
        """That of one part."""
        self.tested.hung = self.hung
        return self.tested.test_dataloader()

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """See `VideoData`; the same for the images."""
        images = batch.images and super().on_after_batch_transfer(batch.images, dataloader_idx)
        return replace(super().on_after_batch_transfer(batch, dataloader_idx), images=images)

    def steps_per_epoch(self) -> int:
        """Steps in which `epoch_size` videos are drawn, or as many as the parts of videos have."""
        names, batch = self._groups()[0]
        return max((self.config.epoch_size or sum(map(self._size, names))) // batch, 1)

    def manifest_rows(self) -> list[Row]:
        """What is drawn from and how often, a row a part; for parts that are left out, why."""
        rows: list[Row] = []
        for names, batch in self._groups():
            counts = self._counts(names)
            drawn = self.steps_per_epoch() * batch
            for name, count in zip(names, counts, strict=True):
                split, config, share = self.parts[name].split("train"), self.parts[name].config, count / sum(counts)
                rows.append(
                    {
                        "part": name,
                        "dataset": self.parts[name].facts.name,
                        "listed": split.official,
                        "here": len(split.samples),
                        "weight": self.config.parts[name].weight,
                        "share": round(share, 4),
                        "batch": batch,
                        "drawn_an_epoch": round(drawn * share),
                        "times_an_epoch": round(drawn * share / len(split.samples), 3),
                        "frames": config.num_frames,
                        "stride": config.stride if config.sampling in ("dense", "pretrain") else 0,
                        "left_out": "",
                    }
                )
        return rows + [{"part": name, "left_out": why} for name, why in self.left_out.items()]

    @cached_property
    def _firsts(self) -> list[int]:
        return [0, *accumulate(self._size(name) for name in self.taken)][:-1]

    def _size(self, name: str) -> int:
        return len(self.taken[name].split("train").samples)

    def _groups(self) -> list[tuple[list[str], int]]:
        """(names of parts, batch) of the videos and, where there are any, of the images."""
        images = [name for name in self.taken if self.config.parts[name].images]
        videos = [name for name in self.taken if name not in images]
        return [(videos, self.config.batch_size)] + ([(images, self.config.image_batch_size)] if images else [])

    def _counts(self, names: list[str]) -> list[int]:
        """Draws of each part in a round, which is as long as the parts together, but for rounding."""
        weights = [self.config.parts[name].weight for name in names]
        total = sum(map(self._size, names))
        return [max(round(total * weight / sum(weights)), 1) for weight in weights]

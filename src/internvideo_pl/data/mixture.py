"""A mixture of datasets for pretraining: each part with its weight, its own folder and its own sampling.

`weight` is a part's share of the draws, over the sum of the weights. An epoch has as many draws as the parts have
videos, so with weights in proportion to their sizes every video comes once an epoch. Parts of images are drawn beside
the videos: each step has a batch of `batch_size` videos and one of `image_batch_size` images.
"""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.loader import TrainingLoader
from internvideo_pl.data.mixing import JoinedIndex, MixtureClips, MixtureOrder, Stream
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError, hint

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


@dataclass(kw_only=True)
class PartConfig:
    """One dataset of a mixture.

    Attributes:
        weight: Share of the draws, over the sum of the weights of all parts of its kind (videos or images); 0 leaves
            the part out, which the manifest says.
        dataset: Row of the table of datasets; the part's own name by default.
        root: Its folder; null looks for it under `paths.data`, by the dataset's name, or by the part's for own videos.
        shards: Folder of tar shards to read its videos from.
        optional: Whether the part may be missing: it is then left out, and named. Otherwise that is an error.
        images: Whether its samples are single images, which come in batches of their own.
        stride: Frames between two frames of a dense clip, where it differs from the mixture's.
        sampling: Which frames, where it differs from the mixture's.
        options: Further options of the dataset, such as `captions_a_video: 8`.
        mini_sizes: Options of its miniature.
    """

    weight: float
    dataset: str | None = None
    root: Path | None = None
    shards: Path | None = None
    optional: bool = False
    images: bool = False
    stride: int | None = None
    sampling: Literal["dense", "pretrain", "segments", "intervals"] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    mini_sizes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: The weight is negative.
        """
        if self.weight < 0:
            raise UserError(f"weight={self.weight} must not be negative; 0 leaves the part out")


@dataclass(kw_only=True)
class MixtureConfig(ClipConfig):
    """Several datasets as clips; what is said here holds for all parts.

    Attributes:
        parts: The datasets, by name.
        tested: The part whose test list is tested on; the first by default.
        image_batch_size: Images a device and step, beside `batch_size` videos.
    """

    parts: dict[str, PartConfig]
    tested: str | None = None
    image_batch_size: int = 0

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: No part has videos, there is no such part to test on, images and their batch do not agree, or what
                belongs to a part is said of the whole.
        """
        super().__post_init__()
        if not any(part.weight > 0 and not part.images for part in self.parts.values()):
            raise UserError("data.parts names no videos: give at least one part a weight above 0")
        drawn = [name for name, part in self.parts.items() if part.weight > 0]
        if self.tested is not None and self.tested not in drawn:
            raise UserError(f"data.tested={self.tested} is no part that is drawn from.{hint(self.tested, drawn)}")
        for key in ("root", "shards", "mini_sizes"):
            if getattr(self, key):
                raise UserError(f"data.{key} belongs to one part of a mixture: set data.parts.<part>.{key}")
        if any(part.weight > 0 and part.images for part in self.parts.values()) != (self.image_batch_size > 0):
            raise UserError(
                f"data.image_batch_size={self.image_batch_size} must be above 0 where a part has images: true, else 0"
            )

    def of_part(self, name: str, kind: type[ClipConfig]) -> ClipConfig:
        """How a part is read: as the mixture says, but for what the part says.

        Args:
            name: The part's.
            kind: The config of its dataset.

        Raises:
            UserError: Its dataset has no such option, or refuses the values.
        """
        part = self.parts[name]
        known = [item.name for item in fields(kind)]
        for option in part.options:
            if option not in known:
                raise UserError(f"data.parts.{name}.options: no option {option!r}.{hint(option, known)}")
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(ClipConfig)}
        values |= {"name": part.dataset or name, "root": part.root, "mini_sizes": part.mini_sizes, "shards": part.shards}
        if part.images:
            values |= {"num_frames": 1, "sampling": "segments", "test_views": 1, "batch_size": self.image_batch_size}
        values |= {key: value for key in ("stride", "sampling") if (value := getattr(part, key)) is not None}
        return kind(**(values | part.options))


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
        """Steps in which as many videos are drawn as the parts of videos have."""
        names, batch = self._groups()[0]
        return max(sum(map(self._size, names)) // batch, 1)

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

"""Open-set recognition as DEAR set it up: UCF101 is known, HMDB51 or Moments in Time v2 is not.

Known: UCF101, split 1 by default: its training list trains, its test list is tested. Unknown: HMDB51's test list of
split 1, or Moments in Time's validation list, every clip of it, although some classes resemble known ones. UCF101's
training list is read again, as tests are, to set the threshold of the thresholded figures.
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from data_modules.hmdb51 import HMDB51, FoldConfig, read_hmdb51, split_files
from data_modules.moments import MOMENTS, read_moments
from data_modules.moments import read_classes as read_moments_classes
from data_modules.ucf101 import UCF101, read_classes, read_ucf101
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError

_DEFECTS = ("some unknown classes resemble known ones: all their clips count as unknown all the same",)


def _facts(unknown: DatasetFacts, videos: int, folder: str) -> DatasetFacts:
    return DatasetFacts(
        name=f"UCF101 and {unknown.name}",
        task="open-set recognition",
        num_classes=UCF101.num_classes,
        splits={"train": UCF101.splits["train"], "test": UCF101.splits["test"] + videos},
        url=f"{UCF101.url} and {unknown.url}",
        licence=f"{UCF101.licence} and {unknown.licence}",
        terms=f"{UCF101.terms}; {unknown.terms}",
        layout=f"ucf101/ and {folder}/ beside one another, each as it is alone",
        defects=(*UCF101.defects, *unknown.defects, *_DEFECTS),
    )


class _OpenSet(VideoData):
    """Known test videos, then unknown ones, in one list; labels of unknown ones start after the known classes."""

    test_splits = ("test", "train")
    config: FoldConfig
    unknown: str  # folder of the unknown dataset

    @property
    def folder(self) -> Path:
        """The folder with both datasets: this one's own, or the one around it."""
        return self.root if self.root.is_dir() else self.root.parent

    def read_unknown(self) -> Split:
        """The unknown test list.

        Raises:
            UserError: It is not there, or a line of it is wrong.
        """
        raise NotImplementedError

    @cached_property
    def unknown_classes(self) -> int:
        """Classes of the unknown dataset."""
        raise NotImplementedError

    @cached_property
    def classes(self) -> list[str]:
        """The known classes in label order."""
        return read_classes(self.folder / "ucf101")

    @property
    def test_list(self) -> str:
        """The known list behind the test loader; `protocol` names both."""
        return f"test {self.config.fold}"

    @property
    def protocol(self) -> dict[str, str | int]:
        """As `VideoData.protocol`, with what is known and what is not."""
        return {**super().protocol, "known": f"ucf101 {self.test_list}", "unknown": self.unknown_list}

    @property
    def unknown_list(self) -> str:
        """The unknown dataset and its list."""
        raise NotImplementedError

    def read(self, split: str) -> Split:
        """UCF101's training list, or both test lists.

        Raises:
            UserError: A list is not there, or a line of it is wrong.
        """
        if split == "train":
            return read_ucf101(self.folder / "ucf101", "train", self.config.fold, self.shards)
        known, unknown = self._parts
        return Split([*known.samples, *unknown.samples], [*known.missing, *unknown.missing])

    @cached_property
    def _parts(self) -> tuple[Split, Split]:
        known = read_ucf101(self.folder / "ucf101", "test", self.config.fold, self.shards)
        unknown, first = self.read_unknown(), len(self.classes)
        if not known.samples or not unknown.samples:
            empty = "ucf101" if not known.samples else self.unknown
            raise UserError(
                f"none of the test videos of {empty} is under {self.folder / empty}: open-set tests need both"
            )
        samples = [replace(sample, label=first + sample.label) for sample in unknown.samples]
        return known, Split(samples, unknown.missing)

    def missing_parts(self, unread: set[str]) -> tuple[int, int]:
        """Known and unknown test videos that cannot be scored, those that were found `unread` (paths) among them."""
        known, unknown = (
            len(part.missing) + sum(sample.path in unread for sample in part.samples) for part in self._parts
        )
        return known, unknown

    def test_dataloader(self) -> Any:
        """Two loaders: the test videos, and the training videos read as in tests."""
        return [self.evaluation_loader(split) for split in self.test_splits]


class UcfAndHmdb(_OpenSet):
    """UCF101 known, HMDB51 unknown."""

    facts = _facts(HMDB51, HMDB51.splits["test"], "hmdb51")
    unknown = "hmdb51"

    @property
    def unknown_list(self) -> str:
        """HMDB51's test list of split 1, as DEAR took it."""
        return "hmdb51 test 1"

    @cached_property
    def unknown_classes(self) -> int:
        """Classes that HMDB51's lists name."""
        return len(split_files(self.folder / "hmdb51", 1))

    def read_unknown(self) -> Split:
        """HMDB51's test list of split 1."""
        return read_hmdb51(self.folder / "hmdb51", "test", 1, self.shards)


class UcfAndMoments(_OpenSet):
    """UCF101 known, Moments in Time v2 unknown."""

    facts = _facts(MOMENTS, MOMENTS.splits["val"], "mitv2")
    unknown = "mitv2"

    @property
    def unknown_list(self) -> str:
        """Moments in Time's validation list."""
        return "mitv2 val"

    @cached_property
    def unknown_classes(self) -> int:
        """Classes of Moments in Time's categories."""
        return len(read_moments_classes(self.folder / "mitv2"))

    def read_unknown(self) -> Split:
        """Moments in Time's validation list."""
        return read_moments(self.folder / "mitv2", "val", self.shards)

"""Kinetics-710: the union of Kinetics-400, -600 and -700, made from their official lists.

- Classes: equal names are one class, and so are 15 pairs of synonyms (VideoMAE V2's merge table).
- Order: the one of UniFormerV2 and mmaction2, whose first 400 classes are Kinetics-400's, so that the first 400 rows of
  a classifier are one of Kinetics-400. Classes that it does not name follow, in ASCII order.
- Validation: the union of the three validation lists, each YouTube id once.
- Training: the union of the three training lists, each id once, without the ids of any validation list.
Where an id is in several lists, the entry of the oldest list counts whose video is on disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data_modules.kinetics import (
    KINETICS400,
    KINETICS600,
    KINETICS700,
    Kinetics400,
    read_classes,
    read_kinetics,
)
from data_modules.kinetics_classes import KINETICS710_CLASSES, class_of, public_order
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError

VERSIONS = {"kinetics400": KINETICS400, "kinetics600": KINETICS600, "kinetics700": KINETICS700}  # the oldest first

KINETICS710 = DatasetFacts(
    name="Kinetics-710",
    task="action recognition",
    num_classes=KINETICS710_CLASSES,
    splits={"train": 658_340, "val": 66_803},  # VideoMAE V2's documentation, of the copies at hand there
    url=KINETICS400.url,
    licence=KINETICS400.licence,
    terms=KINETICS400.terms,
    layout="kinetics710/{kinetics400,kinetics600,kinetics700}/, or these three beside one another, each as it is alone",
    defects=(
        "the count depends on which videos each copy has: InternVideo's paper has 680 thousand (table 1)",
        "three class orders are about; this one begins with Kinetics-400's classes",
        *KINETICS400.defects,
    ),
)


@dataclass(frozen=True)
class Entry:
    """One row of one version's list: the id that tells videos apart, and its sample; None when it is not on disk."""

    identity: str
    key: str
    sample: Sample | None


class Kinetics710(Kinetics400):
    """Kinetics-710 for supervised post-pretraining."""

    facts = KINETICS710

    @property
    def folder(self) -> Path:
        """The folder with the three versions: the dataset's own, or the one around it."""
        return self.root if self.root.is_dir() else self.root.parent

    @cached_property
    def classes(self) -> list[str]:
        """Class names in UniFormerV2's order, those that its list lacks behind them."""
        names = {class_of(label) for labels in self._labels.values() for label in labels}
        known = [name for name in public_order() if name in names]
        return known + sorted(names.difference(known))

    @cached_property
    def _labels(self) -> dict[str, list[str]]:
        """Label names of each version, in its own order."""
        return {name: read_classes(self.folder / name, facts) for name, facts in VERSIONS.items()}

    def read(self, split: str) -> Split:
        """The union of the three lists of a split, see above; keys are the versions' own.

        Raises:
            UserError: One of the lists is not there, or a test list is asked for, which have no labels.
        """
        if split == "test" and self.test_list == "test":
            raise UserError("Kinetics-710 has no test list, as those of its parts have no labels: set data.test_on=val")
        if split != "train":
            return _union(self._entries("val"), set())
        return _union(self._entries("train"), {entry.identity for entry in self._entries("val")})

    def _entries(self, split: str) -> Iterator[Entry]:
        """All rows of all three lists, the oldest version's first."""
        index = {name: label for label, name in enumerate(self.classes)}
        for version, facts in VERSIONS.items():
            labels = self._labels[version]
            own = read_kinetics(self.folder / version, split, facts, labels, self.shards)
            for sample in own.samples:
                label = index[class_of(labels[sample.label])]
                yield Entry(_identity(sample.key), sample.key, Sample(sample.path, sample.key, label))
            for key in own.missing:
                yield Entry(_identity(key), key, None)


def _identity(key: str) -> str:
    """The YouTube id of `<youtube_id>_<start>_<end>`; it may hold "_" itself."""
    return key.rsplit("_", 2)[0]


def _union(entries: Iterator[Entry], banned: set[str]) -> Split:
    """Each id once, without the banned ones; the first entry that is on disk counts."""
    chosen: dict[str, Entry] = {}
    for entry in entries:
        if entry.identity in banned:
            continue
        kept = chosen.get(entry.identity)
        if kept is None or (kept.sample is None and entry.sample is not None):
            chosen[entry.identity] = entry
    found = Split()
    for entry in chosen.values():
        if entry.sample is None:
            found.missing.append(entry.key)
        else:
            found.samples.append(entry.sample)
    return found

"""Kinetics-400, -600 and -700: trimmed ten-second clips of human actions from YouTube, one label each.

Annotations are CSV lists, train.csv, val.csv (validate.csv in DeepMind's archives) and test.csv:
    label,youtube_id,time_start,time_end,split,is_cc     400 (labels of several words are quoted)
    label,youtube_id,time_start,time_end,split           600 and 700
    youtube_id,time_start,time_end,split                 test lists of 2017 and 2018
There is no official class index; label names in ASCII order are what the public recipes use. Most copies lack some
videos, as videos vanish from YouTube: what a list names and the disk lacks is reported, never dropped.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from data_modules.kinetics_classes import KINETICS710_CLASSES, class_of, public_order
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import Once, find_file, numbered_rows, official_file, plain, wrong_line
from internvideo_pl.errors import UserError, hint

_TERMS = "annotations CC BY 4.0; each video belongs to its uploader"
_LAYOUT = (
    "annotations/{train,val,test}.csv and {train,val,test}/<youtube_id>_<start>_<end>.mp4 (seconds in six digits), "
    "flat or in one folder a class"
)
_URL = "https://github.com/cvdfoundation/kinetics-dataset"

_VANISHED = "videos vanish from YouTube, so every copy lacks some"
# The CVDF copy's own notes (github.com/cvdfoundation/kinetics-dataset).
_DAMAGED = "some 1,400 videos of the CVDF copy are damaged; replacement_for_corrupted_k400.tgz there holds sound ones"
_OVERLAP = "K400's validation videos are largely among K700's training videos: never train on one and test on the other"

# Entries of the official lists, not of any copy of the videos.
KINETICS400 = DatasetFacts(
    name="Kinetics-400",
    task="action recognition",
    num_classes=400,
    splits={
        "train": 246534,
        "val": 19906,
        "test": 39805,
    },  # rows of the 2017 lists (class-folder script of the CVDF copy)
    url=_URL,
    licence="CC BY 4.0",
    terms=_TERMS,
    layout=_LAYOUT,
    defects=(
        "the CVDF copy holds 240,258 training, 19,881 validation and 38,685 test videos",  # arrange_by_classes.py there
        _DAMAGED,
        _OVERLAP,
    ),
)
KINETICS600 = DatasetFacts(
    name="Kinetics-600",
    task="action recognition",
    num_classes=600,
    splits={"train": 392622, "val": 30000, "test": 72924},  # arXiv 1808.01340; rows of the 2018 lists
    url=_URL,
    licence="CC BY 4.0",
    terms=_TERMS,
    layout=_LAYOUT,
    defects=(_VANISHED, "the CVDF copy's train.csv and val.csv are incomplete, its train.txt and val.txt are not"),
)
KINETICS700 = DatasetFacts(
    name="Kinetics-700",
    task="action recognition",
    num_classes=700,
    splits={"train": 545317, "val": 35000, "test": 70000},  # arXiv 1907.06987: 650,317 in all
    url=_URL,
    licence="CC BY 4.0",
    terms=_TERMS,
    layout=_LAYOUT,
    defects=(_VANISHED, _OVERLAP),
)

LISTS = {"train": ("train.csv",), "val": ("val.csv", "validate.csv"), "test": ("test.csv",)}
LIST_FOLDERS = ("annotations", ".")  # the CVDF copy; an unpacked archive of DeepMind's
VIDEO_FOLDERS = {  # of a split; whole copies without split folders are searched from the root
    "train": ("train", "videos_train"),
    "val": ("val", "validate", "videos_val"),
    "test": ("test", "videos_test"),
}
REPLACEMENTS = "replacement"  # the CVDF copy's folder of good versions of damaged videos
SUFFIXES = {".mp4", ".mkv", ".webm", ".avi"}


def read_kinetics(
    root: Path, split: str, facts: DatasetFacts, classes: list[str], shards: Mapping[str, str] | None = None
) -> Split:
    """A split as its official list has it, in its order.

    Args:
        root: The dataset's folder.
        split: "train", "val" or "test".
        facts: Which Kinetics it is, for the error message.
        classes: Label names in label order, see `read_classes`.
        shards: Where packed videos are, by key; without them the videos are files below `root`.

    Returns:
        Samples whose key is `<youtube_id>_<start>_<end>`; their label is -1 where the list has none.

    Raises:
        UserError: The list is not there, or is another file of that name, or a label is not among `classes`.
    """
    index = {name: label for label, name in enumerate(classes)}
    videos: Mapping[str, Path | str] = find_clips(root, split) if shards is None else shards
    found = Split()
    listed = official_file(root, facts, LISTS[split], LIST_FOLDERS)
    once = Once(listed)
    for line, row in _rows(listed, facts):
        identity = row["youtube_id"]
        key = f"{identity}_{int(row['time_start']):06d}_{int(row['time_end']):06d}"
        once.add(key, line)
        path = videos.get(key) or videos.get(identity)
        name = row.get("label") or ""
        if name and name not in index:
            raise UserError(
                f"{listed}, line {line}: {name!r} is not a class of {facts.name}'s training list.{hint(name, classes)}"
            )
        if path is None:
            found.missing.append(key)
            continue
        found.samples.append(Sample(str(path), key, index[name] if name else -1))
    return found


def read_classes(root: Path, facts: DatasetFacts) -> list[str]:
    """Label names in label order: those of the training list, or else of the validation list, in ASCII order.

    Raises:
        UserError: Neither list is there.
    """
    there = find_file(root, *(f"{folder}/{name}" for folder in LIST_FOLDERS for name in LISTS["train"]))
    listed = there or official_file(root, facts, LISTS["val"], LIST_FOLDERS)
    names = set()
    for line, row in _rows(listed, facts):
        if not row.get("label"):
            raise wrong_line(listed, line, "no label, which training and validation lists have")
        names.add(row["label"])
    return sorted(names)


def find_clips(root: Path, split: str) -> dict[str, Path]:
    """Every video of a split's folders, at any depth, by name without suffix; the replacement of a damaged one wins."""
    folders = [root / name for name in VIDEO_FOLDERS[split] if (root / name).is_dir()] or [root]
    found: dict[str, Path] = {}
    for folder in [*folders, root / REPLACEMENTS]:
        for parent, children, names in os.walk(folder):
            children.sort()
            for name in sorted(names):
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in SUFFIXES:
                    found[stem] = Path(parent, name)
    return found


def _rows(path: Path, facts: DatasetFacts) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines with what each holds by column; every row has all columns, and times in whole seconds."""
    rows = numbered_rows(path)
    _, heads = next(rows, (1, []))
    if not {"youtube_id", "time_start", "time_end"} <= set(heads):
        raise facts.absent(path.parent, f"the official {path.name} (the one there has no column youtube_id)")
    for line, fields in rows:
        if len(fields) != len(heads):
            raise wrong_line(path, line, f"{len(fields)} columns, but the head names {len(heads)}: {', '.join(heads)}")
        row = dict(zip(heads, fields, strict=True))
        if not (plain(row["youtube_id"]) and row["time_start"].isdigit() and row["time_end"].isdigit()):
            raise wrong_line(path, line, "expected a youtube_id, and time_start and time_end in whole seconds")
        if int(row["time_end"]) <= int(row["time_start"]):
            raise wrong_line(path, line, f"ends at {row['time_end']}, not after its start at {row['time_start']}")
        yield line, row


@dataclass(kw_only=True)
class KineticsConfig(ClipConfig):
    """Kinetics as clips.

    Attributes:
        test_on: The list that is tested on. Papers report the validation list, since test labels came late or never.
    """

    test_on: Literal["val", "test"] = "val"


class Kinetics400(VideoData):
    """Kinetics-400 for recognition, masked pretraining and zero-shot recognition."""

    facts = KINETICS400
    config: KineticsConfig

    @cached_property
    def classes(self) -> list[str]:
        """Class names in label order."""
        return read_classes(self.root, self.facts)

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    def rows_in(self, names: Sequence[str] | None, count: int) -> list[int] | None:
        """As `VideoData.rows_in`, by the classes of Kinetics-710: names of one class in several versions are one.

        A classifier of 710 classes that does not name them is taken to be in the order of UniFormerV2.
        """
        if names is None and count == KINETICS710_CLASSES:
            names = public_order()
        rows = {class_of(name): row for row, name in enumerate(names or ())}
        own = [class_of(name) for name in self.classes]
        return [rows[name] for name in own] if set(own) <= rows.keys() else None

    def seconds(self, sample: Sample) -> float:
        """From the start and end in the clip's key: ten, but for the ends of short videos."""
        _, start, end = sample.key.rsplit("_", 2)
        return float(int(end) - int(start))

    def read(self, split: str) -> Split:
        """See `read_kinetics`."""
        listed = self.test_list if split == "test" else split
        return read_kinetics(self.root, listed, self.facts, self.classes, self.shards)


class Kinetics600(Kinetics400):
    """Kinetics-600."""

    facts = KINETICS600


class Kinetics700(Kinetics400):
    """Kinetics-700."""

    facts = KINETICS700

"""THUMOS14, temporal detection: long videos with instances of 20 sports actions.

    <Class>_val.txt, <Class>_test.txt    `video_test_0000324  start end`, seconds, an instance a line
    Ambiguous_val.txt, Ambiguous_test.txt   stretches of which the annotators were not sure
    detclasslist.txt                     `7 BaseballPitch`: UCF101's number of the class, from 1
The validation videos are trained on, as the training videos are trimmed clips of UCF101. Every instance of CliffDiving
is one of Diving as well, in both lists. Papers score by ActivityNet's evaluator at overlaps of 0.3 to 0.7; THUMOS14's
own rules, by which ambiguous stretches excuse a detection, are given beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.official import numbered_lines, official_file
from internvideo_pl.data.temporal.annotation import Instance, Untrimmed, stretch
from internvideo_pl.data.temporal.module import Evaluation, LocalizationConfig, LocalizationData
from internvideo_pl.data.temporal.videos import find_videos
from internvideo_pl.errors import UserError, hint

THUMOS14 = DatasetFacts(
    name="THUMOS14",
    task="temporal action localization",
    num_classes=20,
    splits={
        "train": 200,
        "test": 213,
    },  # videos in the annotation files; 3,007 and 3,358 instances, 89 and 99 ambiguous
    url="https://www.crcv.ucf.edu/THUMOS14/download.html",
    licence="research use",
    terms="research use; the archive of test videos has the password THUMOS14_REGISTERED",
    layout=(
        "annotation/<Class>_{val,test}.txt with Ambiguous_{val,test}.txt and detclasslist.txt, and "
        "video_{validation,test}_<number>.mp4 in any folders"
    ),
    defects=(
        "every instance of CliffDiving is one of Diving too, with the same times",
        "test videos 0000270 and 0001496 are wrongly annotated throughout; 0001292 has ambiguous stretches only",
        "rows of validation videos 0000364 and 0000856, and of test videos 0000814 and 0001081, are wrong",
        "26 test instances end after their video",
        "frame rates differ: 381 videos have 30, 18 29.97, 11 25 and 2 24 frames a second",
    ),
)

AMBIGUOUS = "Ambiguous"
CLASS_LISTS = ("detclasslist.txt", "Class Index_Detection.txt")
FOLDERS = {  # the evaluation kit, the two archives, copies
    "val": ("annotation", "annotations", "TH14_Temporal_annotations_validation/annotation", "annotation_val"),
    "test": ("annotation", "annotations", "TH14_Temporal_annotations_test/annotation", "annotation_test"),
}
SPLITS = {"train": "val", "test": "test"}  # of papers -> of the files
PREFIX = {"val": "video_validation_", "test": "video_test_"}
# Test videos that public code leaves out: ActionFormer's list has 212, OpenTAD's and G-TAD's 211.
LEFT_OUT = {
    "213": frozenset[str](),
    "212": frozenset({"video_test_0001292"}),
    "211": frozenset({"video_test_0001292", "video_test_0000270"}),
}
PAPERS = Evaluation("", (0.3, 0.4, 0.5, 0.6, 0.7), "0.3:0.1:0.7")
OFFICIAL = Evaluation("thumos14", (0.1, 0.2, 0.3, 0.4, 0.5), "0.1:0.1:0.5", evaluator="thumos14")


def read_classes(root: Path) -> dict[str, int]:
    """UCF101's number of each class, in the order of the list.

    Raises:
        UserError: The list is not there, or a line of it is not a number and a name.
    """
    path = official_file(root, THUMOS14, CLASS_LISTS, (".", *FOLDERS["val"], *FOLDERS["test"]))
    found: dict[str, int] = {}
    for number, line in numbered_lines(path):
        words = line.split()
        if len(words) != 2 or not words[0].isdigit() or words[1] in found:
            raise UserError(f"{path}, line {number}: {line!r} is not a number and the name of a new class; mend it")
        found[words[1]] = int(words[0])
    return found


def read_annotation(root: Path, which: str, classes: Sequence[str]) -> list[Untrimmed]:
    """The videos of "val" or "test" in the order of their numbers; instances by class, then in the order of the files.

    Raises:
        UserError: A class's file is not there, a file is of no class, or a line is not sound; the sentence names it.
    """
    folder = next((root / name for name in FOLDERS[which] if any((root / name).glob(f"*_{which}.txt"))), None)
    if folder is None:
        raise THUMOS14.absent(root, f"annotation/<Class>_{which}.txt")
    names = sorted(path.name.removesuffix(f"_{which}.txt") for path in folder.glob(f"*_{which}.txt"))
    for name in names:
        if name != AMBIGUOUS and name not in classes:
            raise UserError(f"{folder / name}_{which}.txt is of no class of the class list.{hint(name, classes)}")
    for name in classes:
        if name not in names:
            raise THUMOS14.absent(root, f"{folder.name}/{name}_{which}.txt")
    instances: dict[str, list[Instance]] = {}
    ambiguous: dict[str, list[tuple[float, float]]] = {}
    for name in names:
        for key, start, end in _rows(folder / f"{name}_{which}.txt", PREFIX[which]):
            mine = instances.setdefault(key, [])
            if name == AMBIGUOUS:
                ambiguous.setdefault(key, []).append((start, end))
            else:
                mine.append(Instance(start, end, name))
    return [
        Untrimmed(key, which, tuple(found), ambiguous=tuple(ambiguous.get(key, ())))
        for key, found in sorted(instances.items())
    ]


def _rows(path: Path, prefix: str) -> list[tuple[str, float, float]]:
    """Video, start and end of every line."""
    found = []
    for number, line in numbered_lines(path):
        words = line.split()
        where = f"{path}, line {number}"
        if len(words) != 3 or not words[0].startswith(prefix) or not words[0].removeprefix(prefix).isdigit():
            raise UserError(f"{where}: {line!r} is not a {prefix}<number>, a start and an end; mend it")
        found.append((words[0], *stretch(words[1], words[2], where)))
    return found


@dataclass(kw_only=True)
class Thumos14Config(LocalizationConfig):
    """THUMOS14 for localisation.

    Attributes:
        test_videos: How many of the 213 annotated test videos are tested on: "212", ActionFormer's, leaves 0001292 out,
            "211" 0000270 as well.
    """

    test_on: Literal["val", "test", "all"] = "test"
    test_videos: Literal["213", "212", "211"] = "212"


class Thumos14(LocalizationData):
    """THUMOS14 for temporal localisation."""

    facts = THUMOS14
    folder_name = "thumos14"
    lists = ("train", "test")
    config: Thumos14Config

    @cached_property
    def classes(self) -> list[str]:
        """Class names in label order, that of the class list."""
        return list(read_classes(self.root))

    @property
    def protocol(self) -> dict[str, str | int]:
        """With the number of test videos."""
        return {**super().protocol, "test_videos": self.config.test_videos}

    def videos(self, split: str) -> list[Untrimmed]:
        """See `LocalizationData`; "train" and "val" are the validation videos."""
        which = SPLITS.get(split, "val")
        left_out = LEFT_OUT[self.config.test_videos] if which == "test" else ()
        return [each for each in read_annotation(self.root, which, self.classes) if each.key not in left_out]

    def find(self, split: str) -> dict[str, str]:
        """See `LocalizationData`."""
        return self._files

    @cached_property
    def _files(self) -> dict[str, str]:
        return find_videos(self.root)

    def evaluations(self) -> list[Evaluation]:
        """The papers' way, and the official one."""
        return [PAPERS, OFFICIAL]

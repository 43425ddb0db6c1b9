"""HMDB51: clips of 51 human actions, mostly from films, with three splits.

testTrainMulti_7030_splits/<class>_test_split<1|2|3>.txt, a line a clip of the class: `<file>.avi <k>`, k being 1 for
training, 2 for test and 0 for neither. Videos are <class>/<file>.avi.
There is no official class index. Here class names are sorted (climb, climb_stairs, kick, kick_ball), as in mmaction2;
code that sorts the names of the split files has kick_ball before kick.
Names of files hold `!`, `#`, `;`, `(`, `&`, `~`, and 16 of them brackets: nothing here takes a name apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import Once, numbered_lines, plain, wrong_line
from internvideo_pl.errors import UserError

HMDB51 = DatasetFacts(
    name="HMDB51",
    task="action recognition",
    num_classes=51,
    splits={"train": 3570, "test": 1530},  # of each of the three splits; 1,666 of the 6,766 clips are in neither
    url="https://serre.lab.brown.edu/hmdb51.html",
    licence="CC BY 4.0",
    terms="annotations CC BY 4.0; the clips are from films and web videos and belong to their makers",
    layout="testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt and <class>/<file>.avi, also below hmdb51_org/",
    defects=(
        "two class orders are about: by class name (here and in mmaction2) and by the split files' names (TSN)",
        "536 file names hold characters beyond letters, digits, dot, - and _; in 16 these are brackets",
        "figures are means over three splits, but for open-set recognition, which takes the first",
    ),
)

SPLIT_FILE = re.compile(r"(?P<name>.+)_test_split(?P<fold>[123])\.txt")
SPLIT_FOLDERS = ("testTrainMulti_7030_splits", "test_train_splits", "splits", ".")
VIDEO_FOLDERS = (".", "hmdb51_org", "videos")
MARKS = {"0": None, "1": "train", "2": "test"}
FOLDS = (1, 2, 3)


@dataclass(kw_only=True)
class FoldConfig(ClipConfig):
    """A dataset with three official splits, HMDB51 or UCF101, as clips.

    Attributes:
        fold: Which of the three official splits.
    """

    fold: int = 1

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: As `ClipConfig`, or there is no such split.
        """
        super().__post_init__()
        if self.fold not in FOLDS:
            raise UserError(f"data.fold={self.fold} must be 1, 2 or 3, the number of an official split")


def read_hmdb51(root: Path, split: str, fold: int = 1, shards: Mapping[str, str] | None = None) -> Split:
    """A split's training or test list, class after class.

    Args:
        root: The dataset's folder.
        split: "train" or "test".
        fold: 1, 2 or 3.
        shards: Where packed videos are, by key; without them the videos are files below `root`.

    Returns:
        Samples whose key is `<class>/<file without .avi>`.

    Raises:
        UserError: A list is not there, or a line of it is wrong.
    """
    found = Split()
    for label, path in enumerate(split_files(root, fold).values()):
        name = path.name.removesuffix(f"_test_split{fold}.txt")
        once = Once(path)
        for line, text in numbered_lines(path):
            file, _, mark = text.rstrip().rpartition(" ")
            if not file.strip() or not plain(file) or mark not in MARKS:
                raise wrong_line(path, line, f"expected '<file>.avi <0, 1 or 2>', got {text!r}")
            once.add(file, line)
            if MARKS[mark] != split:
                continue
            key = f"{name}/{file.removesuffix('.avi')}"
            video = _video(root, name, file) if shards is None else shards.get(key)
            if video is None:
                found.missing.append(key)
            else:
                found.samples.append(Sample(str(video), key, label))
    return found


def split_files(root: Path, fold: int) -> dict[str, Path]:
    """The list of each class in a split, by class name in label order.

    Raises:
        UserError: There is none, or a class that other splits have lacks its list.
    """
    folder = next((root / place for place in SPLIT_FOLDERS if any((root / place).glob("*_test_split?.txt"))), None)
    if folder is None:
        raise HMDB51.absent(root, "<class>_test_split1.txt")
    matches = [match for path in folder.iterdir() if (match := SPLIT_FILE.fullmatch(path.name))]
    names = sorted({match["name"] for match in matches})
    files = {name: folder / f"{name}_test_split{fold}.txt" for name in names}
    for path in files.values():
        if not path.is_file():
            raise HMDB51.absent(folder, path.name)
    return files


def _video(root: Path, name: str, file: str) -> Path | None:
    paths = (root / folder / name / file for folder in VIDEO_FOLDERS)
    return next((path for path in paths if path.is_file()), None)


class HMDB51Data(VideoData):
    """HMDB51 for recognition; there is no validation list, so val is test."""

    facts = HMDB51
    config: FoldConfig

    @cached_property
    def classes(self) -> list[str]:
        """Class names in ASCII order, which is the label order."""
        return list(split_files(self.root, self.config.fold))

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return f"test {self.config.fold}"

    def read(self, split: str) -> Split:
        """See `read_hmdb51`."""
        return read_hmdb51(self.root, "train" if split == "train" else "test", self.config.fold, self.shards)

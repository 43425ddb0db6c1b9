"""Moments in Time v2: three-second clips of 305 events, from the archive that its makers hand out on request.

moments_categories.txt                  `name,index`, the index from 0
trainingSet.csv, validationSet.csv      `<class>/<file>.mp4,<class>,<positive answers>,<negative answers>`, no header
Videos are training/<class>/<file>.mp4 and validation/<class>/<file>.mp4; the lists do not name these two folders. The
class of a row is its folder, and may hold "+" (adult+female+singing).
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import Once, find_file, numbered_rows, official_file, plain, wrong_line
from internvideo_pl.errors import UserError, hint

MOMENTS = DatasetFacts(
    name="Moments in Time v2",
    task="action recognition",
    num_classes=305,
    splits={"train": 727_305, "val": 30_500},  # the dataset's page, as cited by later work
    url="http://moments.csail.mit.edu",
    licence="Moments in Time's academic licence",
    terms="for academic research, on application",
    layout="moments_categories.txt, trainingSet.csv, validationSet.csv and {training,validation}/<class>/<file>.mp4",
    defects=(
        "version 1 has 339 classes under the same file names: its lists are not those of version 2",
        "the lists do not name the folders training/ and validation/ that the videos are in",
    ),
)
VERSION_1 = 339  # classes of the first version, whose label maps are about in public code

LISTS = {"train": "trainingSet.csv", "val": "validationSet.csv"}
FOLDERS = {"train": ("training", "."), "val": ("validation", ".")}


def read_classes(root: Path) -> list[str]:
    """Class names in label order; a list of names alone, such as moments_models', is in that order too.

    Raises:
        UserError: The list is not there, is version 1's, or a line of it is wrong.
    """
    path = official_file(root, MOMENTS, ("moments_categories.txt", "category_momentsv2.txt"))
    once = Once(path)
    found: dict[int, str] = {}
    for line, row in numbered_rows(path):
        place = len(found)
        if len(row) > 2 or not row[0].strip() or (len(row) == 2 and not row[1].strip().isdigit()):
            raise wrong_line(path, line, f"expected name,index, got {','.join(row)!r}")
        name, index = row[0].strip(), int(row[1]) if len(row) == 2 else place
        once.add(name, line)
        if index in found:
            raise wrong_line(path, line, f"index {index} is that of {found[index]!r} already")
        found[index] = name
    if len(found) == VERSION_1:
        raise UserError(f"{path} has {VERSION_1} classes, so it is version 1's; version 2 has {MOMENTS.num_classes}")
    if sorted(found) != list(range(len(found))):
        raise UserError(f"{path} has {len(found)} classes, whose indices must be 0 to {len(found) - 1}; get it anew")
    return [found[index] for index in range(len(found))]


def read_moments(root: Path, split: str, shards: Mapping[str, str] | None = None) -> Split:
    """A list in its order.

    Args:
        root: The dataset's folder.
        split: "train" or "val".
        shards: Where packed videos are, by key; without them the videos are files below `root`.

    Returns:
        Samples whose key is the listed path without suffix.

    Raises:
        UserError: The list is not there, or a line of it is wrong.
    """
    classes = read_classes(root)
    index = {name: label for label, name in enumerate(classes)}
    path, found = official_file(root, MOMENTS, (LISTS[split],)), Split()
    once = Once(path)
    for line, row in numbered_rows(path):
        if len(row) != 4 or not plain(row[0], 2) or not all(count.strip().isdigit() for count in row[2:]):
            raise wrong_line(path, line, f"expected <class>/<file>.mp4,<class>,<yes>,<no>, got {','.join(row)!r}")
        name = row[0].partition("/")[0]
        if name not in index:
            raise UserError(f"{path}, line {line}: {name!r} is not among the categories.{hint(name, classes)}")
        once.add(row[0], line)
        key = str(PurePosixPath(row[0]).with_suffix(""))
        video = _video(root, split, row[0]) if shards is None else shards.get(key)
        if video is None:
            found.missing.append(key)
        else:
            found.samples.append(Sample(str(video), key, index[name]))
    return found


def _video(root: Path, split: str, listed: str) -> Path | None:
    return find_file(root, *(f"{folder}/{listed}" for folder in FOLDERS[split]))


class MomentsInTime(VideoData):
    """Moments in Time v2 for recognition; tests are on the validation list, as the test list has no public labels."""

    facts = MOMENTS

    @cached_property
    def classes(self) -> list[str]:
        """Class names in the order of the categories' indices."""
        return read_classes(self.root)

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return "val"

    def read(self, split: str) -> Split:
        """See `read_moments`."""
        return read_moments(self.root, "train" if split == "train" else "val", self.shards)

"""UCF101: 13,320 clips of 101 human actions from YouTube, with three splits.

ucfTrainTestlist/classInd.txt           `1 ApplyEyeMakeup`, indices from 1
ucfTrainTestlist/trainlist0<1|2|3>.txt  `Class/v_Class_g08_c01.avi 1`, the index as in classInd.txt
ucfTrainTestlist/testlist0<1|2|3>.txt   `Class/v_Class_g01_c01.avi`; the class is the folder's
Lines end as on Windows. classInd.txt is in alphabetical order without regard to case: sorting it anew would swap
Hammering with HammerThrow and JumpingJack with JumpRope. The folder HandstandPushups holds v_HandStandPushups_*: paths
are taken as they are listed. Clips of one group (g08) are cut from one video, so no split of one's own should be drawn.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from data_modules.hmdb51 import FoldConfig
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import Once, find_file, numbered_lines, official_file, plain, wrong_line
from internvideo_pl.errors import UserError, hint

UCF101 = DatasetFacts(
    name="UCF101",
    task="action recognition",
    num_classes=101,
    splits={"train": 9537, "test": 3783},  # of split 1; 9,586 and 3,734 of split 2; 9,624 and 3,696 of split 3
    url="https://www.crcv.ucf.edu/research/data-sets/ucf101/",
    licence="no explicit licence",
    terms="research use; each video belongs to its uploader",
    layout="ucfTrainTestlist/{classInd,trainlist0N,testlist0N}.txt and UCF-101/<Class>/v_<Class>_gXX_cYY.avi",
    defects=(
        "classInd.txt is in another order than sorted names: Hammering, HammerThrow; JumpingJack, JumpRope",
        "the folder HandstandPushups holds files v_HandStandPushups_*",
        "figures are means over three splits, but for open-set recognition, which takes the first",
    ),
)

LIST_FOLDERS = ("ucfTrainTestlist", "annotations", ".")
VIDEO_FOLDERS = ("UCF-101", "videos", ".")


def read_classes(root: Path) -> list[str]:
    """Class names in label order.

    Raises:
        UserError: classInd.txt is not there, or a line of it is wrong.
    """
    path = _list(root, "classInd.txt")
    once = Once(path)
    for line, text in numbered_lines(path):
        number, _, name = text.strip().partition(" ")
        if number != str(len(once.places) + 1) or not name:
            raise wrong_line(path, line, f"expected '{len(once.places) + 1} <Class>', got {text.strip()!r}")
        once.add(name, line)
    return list(once.places)


def read_ucf101(root: Path, split: str, fold: int = 1, shards: Mapping[str, str] | None = None) -> Split:
    """A split's training or test list in its order.

    Args:
        root: The dataset's folder.
        split: "train" or "test".
        fold: 1, 2 or 3.
        shards: Where packed videos are, by key; without them the videos are files below `root`.

    Returns:
        Samples whose key is the listed path without `.avi`.

    Raises:
        UserError: A list is not there, or a line of it is wrong.
    """
    classes = read_classes(root)
    index = {name: label for label, name in enumerate(classes)}
    path, found = _list(root, f"{split}list0{fold}.txt"), Split()
    once = Once(path)
    for line, text in numbered_lines(path):
        listed, number = _entry(path, line, text.strip(), split)
        name = PurePosixPath(listed).parent.name
        if name not in index:
            raise UserError(f"{path}, line {line}: {name!r} is not a class of classInd.txt.{hint(name, classes)}")
        if number not in (None, index[name] + 1):
            raise wrong_line(path, line, f"class {number} is not {name}, which is {index[name] + 1} in classInd.txt")
        once.add(listed, line)
        key = listed.removesuffix(".avi")
        video = _video(root, listed) if shards is None else shards.get(key)
        if video is None:
            found.missing.append(key)
        else:
            found.samples.append(Sample(str(video), key, index[name]))
    return found


def _entry(path: Path, line: int, text: str, split: str) -> tuple[str, int | None]:
    """The listed path and, in training lists, the class's index from 1."""
    listed, number = text, ""
    if split == "train":
        listed, _, number = text.rpartition(" ")
    if not plain(listed, 2) or (split == "train" and not number.isdigit()):
        form = "<Class>/<file>.avi" + (" <index>" if split == "train" else "")
        raise wrong_line(path, line, f"expected '{form}', got {text!r}")
    return listed, int(number) if number else None


def _list(root: Path, name: str) -> Path:
    return official_file(root, UCF101, (name,), LIST_FOLDERS)


def _video(root: Path, listed: str) -> Path | None:
    return find_file(root, *(f"{folder}/{listed}" for folder in VIDEO_FOLDERS))


class UCF101Data(VideoData):
    """UCF101 for recognition; there is no validation list, so val is test."""

    facts = UCF101
    config: FoldConfig

    @cached_property
    def classes(self) -> list[str]:
        """Class names in the order of classInd.txt."""
        return read_classes(self.root)

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return f"test {self.config.fold}"

    def read(self, split: str) -> Split:
        """See `read_ucf101`."""
        return read_ucf101(self.root, "train" if split == "train" else "test", self.config.fold, self.shards)

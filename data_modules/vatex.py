"""VATEX: ten-second clips with ten English and ten Chinese captions; every English one of a test video is a query.

Files:
    vatex_training_v1.0.json, vatex_validation_v1.0.json    [{"videoID", "enCap": [10], "chCap": [10]}, ...]
    train_list.txt, val_list.txt, test_list.txt             ids, one a line
    videos/<videoID>.mp4                                    the clips, <YouTube id>_<start>_<end> in six digits each
Retrieval halves the validation file: 1,500 videos to validate, 1,500 to test (HGR, CVPR 2020). The lists of that split
decide; the official public test of 6,000 videos is not used. The training list may be left out: then it is the whole
training file, and the validation list is what the test list leaves of its file.
"""

import re
from pathlib import Path

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.captions import CaptionedData, Captions
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import (
    Shards,
    VideoFiles,
    check_name,
    find_file,
    read_entries,
    read_names,
    require_file,
)
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError

VATEX = DatasetFacts(
    name="VATEX",
    task="text-video retrieval",
    splits={"train": 25_991, "val": 1_500, "test": 1_500},  # HGR's split of the two public files
    sentences={"train": 259_910, "val": 15_000, "test": 15_000},
    url="https://eric-xw.github.io/vatex-website; the lists come with https://github.com/cshizhe/hgr_v2t",
    licence="CC BY 4.0 (annotations)",
    terms="research use; each video belongs to its uploader",
    layout="vatex_training_v1.0.json, vatex_validation_v1.0.json, test_list.txt and videos/<videoID>.mp4",
    defects=(
        "about a tenth of the videos are gone from YouTube, which makes a smaller gallery easier",
        "the official public test of 6,000 videos is not that of the retrieval literature",
        "captions are in two languages; the English ones count",
    ),
)

FILES = {"train": "vatex_training_v1.0.json", "val": "vatex_validation_v1.0.json", "test": "vatex_validation_v1.0.json"}
LIST_FOLDERS = (".", "annotation", "vatex_data")
VIDEO_FOLDERS = ("videos", "VATEX_Videos", "val_test", "trainval", ".")
SECONDS = re.compile(r".+_(\d{6})_(\d{6})")


def read_vatex(root: Path, split: str, shards: Shards | None = None) -> Split:
    """A split, one sample a video with its English captions, in the order of its list.

    Args:
        root: The dataset's folder.
        split: "train", "val" or "test".
        shards: Where packed videos are, by id; without them the videos are files below `root`.

    Raises:
        UserError: A file is not there or damaged, or they do not belong together.
    """
    path = require_file(root, FILES[split], VATEX, LIST_FOLDERS)
    captions, order = Captions(testing=split == "test"), dict[str, int]()
    for number, entry in enumerate(read_entries(path, list), start=1):
        where = f"{path}, entry {number}"
        said = entry.get("enCap") if isinstance(entry, dict) else None
        if not isinstance(said, list) or not said:
            raise UserError(f"{where}: there is no list enCap of English captions; get the official file anew")
        name = check_name(entry.get("videoID"), where)
        if name in order:
            raise UserError(f"{where}: {name} is entry {order[name]} already; get the official file anew")
        order[name] = number
        for place, caption in enumerate(said, start=1):
            captions.add(name, caption, f"{where}, caption {place}")
    names, listed = _names(root, split, order)
    locate = VideoFiles(root, VIDEO_FOLDERS).find if shards is None else shards.get
    return captions.split(names, locate, str(path), str(listed))


def _names(root: Path, split: str, order: dict[str, int]) -> tuple[list[str], Path]:
    """The videos of a split, and the list that says so."""
    own = find_file(root, f"{split}_list.txt", LIST_FOLDERS)
    if own is not None:
        return list(read_names(own)), own
    if split == "train":
        return list(order), root / FILES[split]
    tested = require_file(root, "test_list.txt", VATEX, LIST_FOLDERS)
    others = read_names(tested)
    return [name for name in order if name not in others], tested


class Vatex(CaptionedData):
    """VATEX for text-video retrieval in English."""

    facts = VATEX
    captions = "all"

    @property
    def test_list(self) -> str:
        """The half of the validation file that is tested."""
        return "test 1500"

    def seconds(self, sample: Sample) -> float | None:
        """From the id."""
        match = SECONDS.fullmatch(sample.key)
        return float(int(match[2]) - int(match[1])) if match else None

    def listed(self, split: str) -> Split:
        """See `read_vatex`."""
        return read_vatex(self.root, split, self.shards)

"""MSVD: short web videos with some forty sentences each; every sentence of a test video is a query.

Files, as the text-video retrieval literature passes them on:
    train_list.txt, val_list.txt, test_list.txt     one id a line, such as eyhzdC936uk_15_27
    raw-captions.pkl                                {id: [[word, word, ...], ...]}: sentences are lists of words
    captions_msvd.json                              the same as JSON, {id: [sentence, ...]}, where there is no pickle
    YouTubeClips/<id>.avi                           the videos
Question answering on MSVD has other splits and other names of the same videos.
"""

from pathlib import Path
from typing import Any

from internvideo_pl.data.captions import CaptionedData, Captions
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import Shards, VideoFiles, find_file, read_entries, read_names, require_file
from internvideo_pl.data.module import Split
from internvideo_pl.data.plain_pickle import read_plain_pickle
from internvideo_pl.errors import UserError

MSVD = DatasetFacts(
    name="MSVD",
    task="text-video retrieval",
    splits={"train": 1200, "val": 100, "test": 670},  # counted on the lists
    sentences={"train": 48_774, "val": 4_290, "test": 27_763},  # CLIP4Clip's loader; 21 to 81 a test video
    url="https://github.com/ArrowLuo/CLIP4Clip (msvd_data.zip) and UT Austin's YouTubeClips.tar",
    licence="no explicit licence",
    terms="research use; each video belongs to its uploader",
    layout="train_list.txt, val_list.txt, test_list.txt, raw-captions.pkl and YouTubeClips/<id>.avi",
    defects=(
        "the split of question answering (1,200, 250 and 520 videos) is another one",
        "sentences in the pickle are lists of words",
        "names begin with - or _ as YouTube's ids do",
    ),
)

LIST_FOLDERS = (".", "msvd_data", "annotation")
VIDEO_FOLDERS = ("YouTubeClips", "MSVD_Videos", "videos", ".")
ENDINGS = (".avi", ".mp4", ".mkv", ".webm")
PICKLE, PLAIN = "raw-captions.pkl", "captions_msvd.json"


def read_msvd(root: Path, split: str, shards: Shards | None = None) -> Split:
    """A split, one sample a video with all of its sentences, in the order of its list.

    Args:
        root: The dataset's folder.
        split: "train", "val" or "test".
        shards: Where packed videos are, by id; without them the videos are files below `root`.

    Raises:
        UserError: A file is not there or damaged, or they do not belong together.
    """
    listed = require_file(root, f"{split}_list.txt", MSVD, LIST_FOLDERS)
    names = read_names(listed)
    path = find_file(root, PICKLE, LIST_FOLDERS) or find_file(root, PLAIN, LIST_FOLDERS)
    if path is None:
        raise MSVD.absent(root, f"{PICKLE} or {PLAIN}")
    captions = Captions(testing=split == "test")
    told = _sentences(path)
    for name in (name for name in names if name in told):
        for number, sentence in enumerate(told[name], start=1):
            captions.add(name, sentence, f"{path}, {name}, sentence {number}")
    locate = VideoFiles(root, VIDEO_FOLDERS, ENDINGS).find if shards is None else shards.get
    return captions.split(names, locate, str(path), str(listed))


def _sentences(path: Path) -> dict[str, list[Any]]:
    """Id -> sentences; lists of words are joined."""
    told = read_plain_pickle(path) if path.name == PICKLE else read_entries(path, dict)
    if not isinstance(told, dict) or not all(isinstance(said, list) for said in told.values()):
        raise UserError(f"{path} does not map each id to a list of sentences; get the official file anew")
    return {str(name): [_joined(sentence) for sentence in said] for name, said in told.items()}


def _joined(sentence: Any) -> Any:
    if isinstance(sentence, list) and all(isinstance(word, str) for word in sentence):
        return " ".join(sentence)
    return sentence


class Msvd(CaptionedData):
    """MSVD for text-video retrieval."""

    facts = MSVD
    captions = "all"

    def listed(self, split: str) -> Split:
        """See `read_msvd`."""
        return read_msvd(self.root, split, self.shards)

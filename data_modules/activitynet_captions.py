"""ActivityNet Captions: long videos whose sentences, one for each event, make a paragraph that is the query.

Files:
    train.json, val_1.json, val_2.json    {"v_<id>": {"duration": s, "timestamps": [[s, e], ...], "sentences": [...]}}
    v_<id>.mp4, .mkv or .webm             the videos
Retrieval is tested on val_1; val_2 describes videos of val_1 in other words and is not read. Paragraphs are joined
here, with one space between sentences.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.captions import CaptionedData, Captions
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import Shards, VideoFiles, check_name, find_file, read_entries, require_file
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError

ACTIVITYNET_CAPTIONS = DatasetFacts(
    name="ActivityNet Captions",
    task="text-video retrieval",
    splits={"train": 10_009, "test": 4_917},  # paragraphs of train.json and val_1.json
    url="https://cs.stanford.edu/people/ranjaykrishna/densevid and http://activity-net.org/download.html",
    licence="no explicit licence",
    terms="research use; each video belongs to its uploader",
    layout="train.json, val_1.json and videos/v_<id>.{mp4,mkv,webm}",
    defects=(
        "567 of the 4,917 paragraphs of val_1 have more than 75 words, which 77 tokens cut off",
        "4 training sentences have impossible times, which paragraphs do not use",
        "keys begin with v_, as the files do",
        "many videos are gone from YouTube: how many were read stands beside every figure",
    ),
)

LISTS = {"train": "train.json", "test": "val_1.json"}
LIST_FOLDERS = (".", "captions", "annotation")
VIDEO_FOLDERS = ("videos", "v1-3/train_val", "v1-2/train", "v1-2/val", "Activity_Videos", ".")
ENDINGS = (".mp4", ".mkv", ".webm", ".avi")


def read_activitynet_captions(root: Path, split: str, shards: Shards | None = None) -> Split:
    """A split, one sample a video with its paragraph, in the order of the file.

    Args:
        root: The dataset's folder.
        split: "train" or "test".
        shards: Where packed videos are, by key; without them the videos are files below `root`.

    Returns:
        Samples whose key is the file's, with its "v_".

    Raises:
        UserError: The file is not there, or an entry is not what it should be.
    """
    path = require_file(root, LISTS[split], ACTIVITYNET_CAPTIONS, LIST_FOLDERS)
    captions, told = Captions(testing=split == "test", joined=True), read_entries(path, dict)
    for key, entry in told.items():
        sentences = entry.get("sentences") if isinstance(entry, dict) else None
        if not isinstance(sentences, list) or not sentences:
            raise UserError(f"{path}, {key}: there is no list of sentences; get the official file anew")
        check_name(key, f"{path}, {key}")
        for number, sentence in enumerate(sentences, start=1):
            captions.add(key, sentence, f"{path}, {key}, sentence {number}")
    locate = VideoFiles(root, VIDEO_FOLDERS, ENDINGS).find if shards is None else shards.get
    return captions.split(told, locate, str(path), str(path))


class ActivityNetCaptions(CaptionedData):
    """ActivityNet Captions for paragraph retrieval; val_1 is both validation and test, so nothing is chosen on it."""

    facts = ACTIVITYNET_CAPTIONS
    captions = "paragraph"

    @property
    def test_list(self) -> str:
        """The first set of validation captions."""
        return "val_1"

    def seconds(self, sample: Sample) -> float | None:
        """From the files' durations."""
        return self._seconds.get(sample.key)

    @cached_property
    def _seconds(self) -> dict[str, float]:
        paths = [path for name in LISTS.values() if (path := find_file(self.root, name, LIST_FOLDERS))]
        told: dict[str, Any] = {key: entry for path in paths for key, entry in read_entries(path, dict).items()}
        return {key: entry["duration"] for key, entry in told.items() if isinstance(entry.get("duration"), int | float)}

    def listed(self, split: str) -> Split:
        """See `read_activitynet_captions`."""
        return read_activitynet_captions(self.root, "train" if split == "train" else "test", self.shards)

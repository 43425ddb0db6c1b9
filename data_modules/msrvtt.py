"""MSR-VTT, 1k-A protocol: web videos with 20 captions each; 9,000 videos train, 1,000 pairs test.

Three files, as the text-video retrieval literature passes them on:
    MSRVTT_data.json            {"videos": [...], "sentences": [{"sen_id", "video_id", "caption"}, ...]}
    MSRVTT_train.9k.csv         video_id
    MSRVTT_JSFUSION_test.csv    key,vid_key,video_id,sentence; one caption a video, 995 of the 1,000 distinct
The JSON holds captions of the test videos too, and its own "split" is that of the 2016 challenge: the CSV lists decide.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError

MSRVTT = DatasetFacts(
    name="MSR-VTT",
    task="text-video retrieval",
    splits={"train": 9000, "test": 1000},  # the two CSV lists; 180,000 training captions
    url="https://github.com/ArrowLuo/CLIP4Clip (msrvtt_data.zip) and the 2016 MSR-VTT challenge's videos",
    licence="no explicit licence",
    terms="research use; each video belongs to its uploader",
    layout="MSRVTT_data.json, MSRVTT_train.9k.csv, MSRVTT_JSFUSION_test.csv and videos/all/<video_id>.mp4",
    defects=(
        "995 of the 1,000 test captions are distinct",
        "the JSON's own split is that of the 2016 challenge, not of 1k-A",
        "the validation list that goes round with 1k-A is the test list again: choose nothing on it",
    ),
)

CAPTIONS = "MSRVTT_data.json"
LISTS = {"train": "MSRVTT_train.9k.csv", "test": "MSRVTT_JSFUSION_test.csv"}
LIST_FOLDERS = (".", "msrvtt_data", "annotation")
VIDEO_FOLDERS = ("videos/all", "videos", "MSRVTT_Videos", "TrainValVideo", "TestVideo", "all", ".")
SUFFIXES = (".mp4", ".avi", ".mkv", ".webm")


def read_msrvtt(root: Path, split: str, shards: Mapping[str, str] | None = None) -> Split:
    """A split of the 1k-A protocol, one sample a video, in the order of its list.

    Args:
        root: The dataset's folder.
        split: "train" (all captions of each video) or "test" (the one caption of the list).
        shards: Where packed videos are, by key; without them the videos are files below `root`.

    Returns:
        Samples whose key is the video id.

    Raises:
        UserError: One of the three files is not there, or they do not belong together.
    """
    with _file(root, LISTS[split]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    captions = _captions(root) if split == "train" else {row["video_id"]: (row["sentence"],) for row in rows}
    found = Split()
    for name in (row["video_id"] for row in rows):
        path = _video(root, name) if shards is None else shards.get(name)
        if name not in captions:
            raise UserError(
                f"{CAPTIONS} under {root} has no caption of {name}, which {LISTS[split]} lists; get both anew"
            )
        if path is None:
            found.missing.append(name)
        else:
            found.samples.append(Sample(str(path), name, texts=captions[name]))
    return found


def _captions(root: Path) -> dict[str, tuple[str, ...]]:
    """All captions of every video, in the order of their numbers in the file."""
    data = json.loads(_file(root, CAPTIONS).read_text(encoding="utf-8"))
    captions: defaultdict[str, list[str]] = defaultdict(list)
    for sentence in data["sentences"]:
        captions[sentence["video_id"]].append(sentence["caption"])
    return {name: tuple(said) for name, said in captions.items()}


def _video(root: Path, name: str) -> Path | None:
    paths = (root / folder / (name + suffix) for folder in VIDEO_FOLDERS for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def _find(root: Path, name: str) -> Path | None:
    paths = (root / folder / name for folder in LIST_FOLDERS)
    return next((path for path in paths if path.is_file()), None)


def _file(root: Path, name: str) -> Path:
    path = _find(root, name)
    if path is None:
        raise MSRVTT.absent(root, name)
    return path


class MsrVtt(VideoData):
    """MSR-VTT for alignment and text-video retrieval; the 1k-A protocol has no validation list, so val is test."""

    facts = MSRVTT

    @property
    def test_list(self) -> str:
        """The pairs of the 1k-A protocol."""
        return "1k-A test"

    def seconds(self, sample: Sample) -> float | None:
        """From the start and end that the JSON has of every video."""
        return self._seconds.get(sample.key)

    @cached_property
    def _seconds(self) -> dict[str, float]:
        path = _find(self.root, CAPTIONS)
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"] if path else []
        return {video["video_id"]: video["end time"] - video["start time"] for video in videos}

    def read(self, split: str) -> Split:
        """See `read_msrvtt`."""
        return read_msrvtt(self.root, "train" if split == "train" else "test", self.shards)

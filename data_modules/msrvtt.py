"""MSR-VTT: web videos with 20 captions each, in the three protocols of the retrieval literature.

Files, as the text-video retrieval literature passes them on:
    MSRVTT_data.json            {"videos": [...], "sentences": [{"sen_id", "video_id", "caption"}, ...]}
    MSRVTT_train.9k.csv         video_id
    MSRVTT_train.7k.csv         video_id
    MSRVTT_JSFUSION_test.csv    key,vid_key,video_id,sentence; one caption a video, 995 of the 1,000 distinct
The JSON may also be the challenge's own two, train_val_videodatainfo.json and test_videodatainfo.json. It holds
captions of the test videos too, and its "split" is that of the 2016 challenge: it decides in "full", the lists in 1k-A.
"""

import csv
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from internvideo_pl.data.captions import CaptionedData, Captions
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import Shards, VideoFiles, check_name, find_file, read_entries, require_file
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError

_LAYOUT = "MSRVTT_data.json, MSRVTT_train.9k.csv, MSRVTT_JSFUSION_test.csv and videos/all/<video_id>.mp4"
_FACTS: dict[str, Any] = {
    "task": "text-video retrieval",
    "url": "https://github.com/ArrowLuo/CLIP4Clip (msrvtt_data.zip) and the 2016 MSR-VTT challenge's videos",
    "licence": "no explicit licence",
    "terms": "research use; each video belongs to its uploader",
}
_1K_A_DEFECTS = (
    "995 of the 1,000 test captions are distinct",
    "the JSON's own split is that of the 2016 challenge, not of 1k-A",
    "the validation list that goes round with 1k-A is the test list again: choose nothing on it",
)
MSRVTT = DatasetFacts(
    name="MSR-VTT",
    splits={"train": 9000, "test": 1000},  # the two CSV lists; 180,000 training captions
    layout=_LAYOUT,
    defects=_1K_A_DEFECTS,
    **_FACTS,
)
MSRVTT_7K = DatasetFacts(
    name="MSR-VTT, 7k",
    splits={"train": 7010, "test": 1000},  # the challenge's train and validate, less those that 1k-A tests
    layout=_LAYOUT.replace("9k", "7k"),
    defects=_1K_A_DEFECTS,
    **_FACTS,
)
MSRVTT_FULL = DatasetFacts(
    name="MSR-VTT, full",
    splits={"train": 6513, "val": 497, "test": 2990},  # the 2016 challenge
    layout="MSRVTT_data.json (or train_val_videodatainfo.json and test_videodatainfo.json) and videos/all/<id>.mp4",
    defects=("figures on its 2,990 test videos are lower than on 1k-A's 1,000 and are not comparable with them",),
    **_FACTS,
)

CAPTIONS = ("MSRVTT_data.json",), ("train_val_videodatainfo.json", "test_videodatainfo.json")
TEST_LIST = "MSRVTT_JSFUSION_test.csv"
LIST_FOLDERS = (".", "msrvtt_data", "annotation")
VIDEO_FOLDERS = ("videos/all", "videos", "MSRVTT_Videos", "TrainValVideo", "TestVideo", "all", ".")
CHALLENGE_SPLITS = {"train": "train", "val": "validate", "test": "test"}


def read_msrvtt(
    root: Path, split: str, shards: Shards | None = None, train: str = "9k", facts: DatasetFacts = MSRVTT
) -> Split:
    """A split of the 1k-A protocol, one sample a video, in the order of its list.

    Args:
        root: The dataset's folder.
        split: "train" (all captions of each video) or "test" (the one caption of the list).
        shards: Where packed videos are, by key; without them the videos are files below `root`.
        train: Which training list, "9k" or "7k".
        facts: The protocol's.

    Returns:
        Samples whose key is the video id.

    Raises:
        UserError: One of the three files is not there, or they do not belong together.
    """
    name = f"MSRVTT_train.{train}.csv" if split == "train" else TEST_LIST
    rows = dict(_rows(require_file(root, name, facts, LIST_FOLDERS)))
    if split == "train":
        captions, source = read_captions(root, facts, testing=False), "MSRVTT_data.json"
    else:
        captions, source = Captions(testing=True), name
        for key, (sentence, where) in rows.items():
            captions.add(key, sentence, where)
    return captions.split(rows, locator(root, shards), f"{source} under {root}", name)


def read_full(root: Path, split: str, shards: Shards | None = None) -> Split:
    """A split of the 2016 challenge: every caption of a test video is a query.

    Args:
        root: The dataset's folder.
        split: "train", "val" or "test".
        shards: As for `read_msrvtt`.

    Raises:
        UserError: The captions are not there.
    """
    captions = read_captions(root, MSRVTT_FULL, testing=split == "test")
    wanted = CHALLENGE_SPLITS[split]
    keys = [video["video_id"] for video in read_videos(root, MSRVTT_FULL) if video.get("split") == wanted]
    return captions.split(keys, locator(root, shards), f"the captions under {root}", "its own list of videos")


def locator(root: Path, shards: Shards | None = None) -> Any:
    """Video id -> where the video is, or None."""
    return VideoFiles(root, VIDEO_FOLDERS).find if shards is None else shards.get


def read_captions(root: Path, facts: DatasetFacts = MSRVTT, testing: bool = False) -> Captions:
    """All captions of every video, in the order of the file.

    Raises:
        UserError: The file is not there, or an entry is not what it should be.
    """
    captions = Captions(testing)
    for path in _caption_files(root, facts):
        for number, sentence in enumerate(_part(path, "sentences"), start=1):
            where = f"{path}, sentence {number}"
            captions.add(check_name(sentence.get("video_id"), where), sentence.get("caption"), where)
    return captions


def read_videos(root: Path, facts: DatasetFacts = MSRVTT) -> list[dict[str, Any]]:
    """What the captions' file says of the videos themselves.

    Raises:
        UserError: As `read_captions`.
    """
    videos = [(path, number, video) for path in _caption_files(root, facts) for number, video in _numbered(path)]
    for path, number, video in videos:
        check_name(video.get("video_id"), f"{path}, video {number}")
    return [video for *_, video in videos]


def _numbered(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    return enumerate(_part(path, "videos"), start=1)


def _caption_files(root: Path, facts: DatasetFacts) -> list[Path]:
    for names in CAPTIONS:
        found = [find_file(root, name, LIST_FOLDERS) for name in names]
        if all(found):
            return [path for path in found if path is not None]
    raise facts.absent(root, CAPTIONS[0][0])


def _part(path: Path, name: str) -> list[dict[str, Any]]:
    part = read_entries(path, dict).get(name)
    if not isinstance(part, list) or not all(isinstance(entry, dict) for entry in part):
        raise UserError(f"{path} has no list {name!r} of objects; get the official file anew")
    return part


def _rows(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """(video id, (sentence or nothing, file and line)) of every row of a CSV list."""
    wanted = ["video_id", "sentence"] if path.name == TEST_LIST else ["video_id"]
    seen: dict[str, int] = {}
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        if lacking := [name for name in wanted if name not in (reader.fieldnames or ())]:
            raise UserError(f"{path}, line 1: there is no column {lacking[0]!r}; get the official list anew")
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or any(row[name] is None for name in wanted):
                raise UserError(f"{where}: has another number of fields than line 1; get the official list anew")
            key = check_name(row["video_id"], where)
            if key in seen:
                raise UserError(f"{where}: {key} stands in line {seen[key]} already; get the official list anew")
            seen[key] = reader.line_num
            yield key, (row.get("sentence", ""), where)


class MsrVtt(CaptionedData):
    """MSR-VTT for alignment and text-video retrieval; the 1k-A protocol has no validation list, so val is test."""

    facts = MSRVTT
    train_list = "9k"

    @property
    def test_list(self) -> str:
        """The pairs of the 1k-A protocol."""
        return "1k-A test"

    def seconds(self, sample: Any) -> float | None:
        """From the start and end that the JSON has of every video."""
        return self._seconds.get(sample.key)

    @cached_property
    def _seconds(self) -> dict[str, float]:
        if all(find_file(self.root, names[0], LIST_FOLDERS) is None for names in CAPTIONS):
            return {}
        videos = read_videos(self.root, self.facts)
        return {video["video_id"]: seconds for video in videos if (seconds := _seconds(video)) is not None}

    def listed(self, split: str) -> Split:
        """See `read_msrvtt`."""
        return read_msrvtt(self.root, "train" if split == "train" else "test", self.shards, self.train_list, self.facts)


def _seconds(video: dict[str, Any]) -> float | None:
    """How long a video lasts; None where its entry does not say."""
    start, end = video.get("start time"), video.get("end time")  # with a space, in the original
    return end - start if isinstance(start, int | float) and isinstance(end, int | float) else None


class MsrVtt7k(MsrVtt):
    """The 1k-A test with the older training list of 7,010 videos."""

    facts = MSRVTT_7K
    train_list = "7k"


class MsrVttFull(MsrVtt):
    """The 2016 challenge's own split; every one of a test video's 20 captions is a query."""

    facts = MSRVTT_FULL
    captions = "all"

    @property
    def test_list(self) -> str:
        """The challenge's."""
        return "full test"

    def listed(self, split: str) -> Split:
        """See `read_full`."""
        return read_full(self.root, split, self.shards)

"""MSR-VTT in the split of its 2016 challenge, with 20 captions a video: for writing captions, and for multiple choice.

One JSON of all videos, as it is passed on, or the challenge's two (train_val_videodatainfo.json for training and
validation, test_videodatainfo.json for testing), of the same form:
    {"videos": [{"video_id", "split", "start time", "end time", ...}, ...],
     "sentences": [{"sen_id", "video_id", "caption"}, ...]}
Here the JSON's own "split" decides: "train", "validate" or "test".
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from data_modules.msrvtt import CAPTIONS, LIST_FOLDERS
from data_modules.msrvtt_qa import FOLDERS as VIDEO_FOLDERS
from data_modules.msrvtt_qa import NEIGHBOUR, find_video
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.fields import Row, read_json
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError

MSRVTT_CAPTIONS = DatasetFacts(
    name="MSR-VTT captions",
    task="captioning",
    splits={"train": 6513, "val": 497, "test": 2990},  # the 2016 challenge; 20 captions each, 200,000 in all
    url="https://github.com/ArrowLuo/CLIP4Clip (msrvtt_data.zip) and the 2016 MSR-VTT challenge's videos",
    licence="no explicit licence",
    terms="research use; each video belongs to its uploader",
    layout=(
        "MSRVTT_data.json, or train_val_videodatainfo.json and test_videodatainfo.json, and videos/all/<video_id>.mp4, "
        "or all of it in the folder msrvtt beside it"
    ),
    defects=("1k-A's 9,000 training videos hold most of the 2,990 test videos: start from no model trained on them",),
)

CHALLENGE = ("train_val_videodatainfo.json", "test_videodatainfo.json")
SPLITS = {"train": "train", "val": "validate", "test": "test"}  # as the JSON calls them
FOLDERS = (*LIST_FOLDERS, *(f"{NEIGHBOUR}/{folder}" for folder in LIST_FOLDERS))


@dataclass(frozen=True)
class Described:
    """A video with its captions."""

    video: str
    split: str
    captions: tuple[str, ...]


def read_descriptions(root: Path, facts: DatasetFacts) -> list[Described]:
    """All videos of the JSON, or of both, in their order; captions in the order of the file.

    Args:
        root: The dataset's folder.
        facts: For the error message.

    Raises:
        UserError: There is neither, or one is damaged.
    """
    whole = _find(root, CAPTIONS)
    paths = [whole] if whole else [path for name in CHALLENGE if (path := _find(root, name))]
    if not paths:
        raise facts.absent(root, f"{CAPTIONS} or {' and '.join(CHALLENGE)}")
    splits: dict[str, str] = {}
    captions: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        data = read_json(path)
        for row in _rows(path, data, "videos"):
            splits[row.text("video_id")] = row.text("split")
        for row in _rows(path, data, "sentences"):
            captions[row.text("video_id")].append(row.text("caption"))
    return [Described(video, split, tuple(captions[video])) for video, split in splits.items()]


def find_msrvtt(root: Path, video: str) -> str | None:
    """A video in MSR-VTT's usual folders, here or in MSR-VTT's own folder beside this one."""
    return find_video(root, video, VIDEO_FOLDERS)


def _find(root: Path, name: str) -> Path | None:
    return next((root / folder / name for folder in FOLDERS if (root / folder / name).is_file()), None)


def _rows(path: Path, data: object, part: str) -> Iterable[Row]:
    entries = data.get(part) if isinstance(data, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f'{path} has no list of objects "{part}"; get the official file anew')
    return (Row(f"{path}, {part}, record {number}", entry) for number, entry in enumerate(entries, 1))


@dataclass(kw_only=True)
class MsrVttCaptionsConfig(ClipConfig):
    """MSR-VTT's challenge as clips.

    Attributes:
        test_on: The list that is tested on. Choose settings on "val" and report "test".
    """

    test_on: Literal["test", "val"] = "test"


class MsrVttCaptions(VideoData):
    """MSR-VTT for writing captions: a sample's texts are all captions of its video, the references of a test."""

    facts = MSRVTT_CAPTIONS
    config: MsrVttCaptionsConfig

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    @cached_property
    def _described(self) -> list[Described]:
        return read_descriptions(self.root, self.facts)

    def read(self, split: str) -> Split:
        """One sample a video.

        Raises:
            UserError: A video has no caption.
        """
        wanted = SPLITS[self.test_list if split == "test" else split]
        found = Split()
        for entry in self._described:
            if entry.split != wanted:
                continue
            if not entry.captions:
                raise UserError(f"{entry.video} under {self.root} has no caption; get the official files anew")
            path = find_msrvtt(self.root, entry.video) if self.shards is None else self.shards.get(entry.video)
            if path is None:
                found.missing.append(entry.video)
            else:
                found.samples.append(Sample(path, entry.video, texts=entry.captions))
        return found

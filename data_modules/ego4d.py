"""Ego4D (v1.0): what its tasks share: facts, official JSON that is wrong by name, and where videos and clips lie.

As its own downloader lays it out, below the dataset's folder or below v1/ in it:
    annotations/<task>_{train,val,test_unannotated}.json
    clips/<clip_uid>.mp4                              the annotated clips, cut from the videos
    full_scale/<video_uid>.mp4, video_540ss/...       whole videos; a clip is a stretch of one
The labels of the test lists are withheld: a run on them writes the file that the challenge's server wants.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.official import is_number, plain
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.excerpt import excerpt_location

FPS = 30.0  # of all canonical videos and clips: frame numbers of the annotations count at this rate
RELEASES = ("v1", ".")  # where the downloader puts the first release; a folder of its own
CLIP_FOLDERS = ("clips",)
VIDEO_FOLDERS = ("full_scale", "video_540ss", "down_scaled")
SUFFIXES = (".mp4", ".mkv", ".webm")
TEST = "challenge test"  # the list whose labels only the server has

URL = "https://ego4d-data.org (its `ego4d` downloader: annotations and clips)"
LICENCE = "Ego4D licence, to be signed"
TERMS = "research under the signed Ego4D licence"
DEFECTS = (
    "the labels of the test lists are withheld: only the validation lists can be scored here",
    "frame numbers hold at 30 frames a second, whatever a copy of the videos was encoded at",
)


def ego4d_facts(
    name: str,
    task: str,
    stem: str,
    num_classes: int = 0,
    defects: tuple[str, ...] = (),
    splits: Mapping[str, int] | None = None,
) -> DatasetFacts:
    """The facts of one of Ego4D's tasks, whose lists are `<stem>_{train,val,test_unannotated}.json`.

    Counts of lists are given where they are known to the entry, of short-term anticipation alone: those of queries and
    moments that could be found are rounded, of hands and changes there are none without the licence.
    """
    layout = f"v1/annotations/{stem}_{{train,val,test_unannotated}}.json and v1/clips/<clip_uid>.mp4"
    whole = " (or v1/full_scale/<video_uid>.mp4, v1/video_540ss/<video_uid>.mp4)"
    return DatasetFacts(
        name=name,
        task=task,
        splits=splits or {},
        url=URL,
        licence=LICENCE,
        terms=TERMS,
        layout=layout + whole,
        num_classes=num_classes,
        defects=DEFECTS + defects,
    )


class Entry:
    """A value of an official JSON file, with its place in it for what is said when it is wrong.

    Args:
        value: What `json` made of it.
        file: The file.
        place: Keys and numbers that lead to it, such as "videos[3].clips[0]"; "" for the whole file.
    """

    def __init__(self, value: Any, file: Path, place: str = "") -> None:
        self.value = value
        self.file = file
        self.place = place

    @classmethod
    def read(cls, file: Path) -> "Entry":
        """A whole file.

        Raises:
            UserError: It is no JSON object.
        """
        try:
            value = json.loads(file.read_bytes())
        except OSError as error:
            raise UserError(f"{file} cannot be read ({error.strerror})") from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{file} is no JSON ({error}); download it anew from {URL}") from None
        entry = cls(value, file)
        if not isinstance(value, dict):
            raise entry.wrong("is no object")
        return entry

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self._object().get(key) is not None

    def get(self, key: str) -> "Entry":
        """The value of a key.

        Raises:
            UserError: It is not there.
        """
        if not self.has(key):
            raise self.wrong(f"has no {key!r}")
        return Entry(self.value[key], self.file, f"{self.place}.{key}" if self.place else key)

    def each(self, key: str) -> "Iterator[Entry]":
        """The items of a list.

        Raises:
            UserError: There is no list of that key.
        """
        found = self.get(key)
        if not isinstance(found.value, list):
            raise found.wrong("is no list")
        for number, value in enumerate(found.value):
            yield Entry(value, self.file, f"{found.place}[{number}]")

    def text(self, key: str) -> str:
        """A string; official ids that are numbers are made one.

        Raises:
            UserError: There is none of that key, or it is empty.
        """
        found = self.get(key)
        if isinstance(found.value, bool) or not isinstance(found.value, str | int) or found.value == "":
            raise found.wrong(f"is {found.value!r}, not a name")
        return str(found.value)

    def uid(self, key: str) -> str:
        """An id that a file is named by, which never leads out of that file's folder.

        Raises:
            UserError: There is none of that key, or it is a path.
        """
        found = self.text(key)
        if not plain(found) or "#" in found:  # behind which a location has its seconds
            raise self.get(key).wrong(f"is {found!r}, not the name of a file")
        return found

    def count(self, key: str) -> int:
        """A whole number from 0.

        Raises:
            UserError: There is none of that key.
        """
        found = self.number(key)
        if found < 0 or found != int(found):
            raise self.get(key).wrong(f"is {found:g}, not a whole number from 0")
        return int(found)

    def number(self, key: str) -> float:
        """A finite number.

        Raises:
            UserError: There is none of that key.
        """
        found = self.get(key)
        if not is_number(found.value):
            raise found.wrong(f"is {found.value!r}, not a number")
        return float(found.value)

    def wrong(self, complaint: str) -> UserError:
        """The error for a value that cannot be."""
        place = f", {self.place}," if self.place else ""
        return UserError(f"{self.file}{place} {complaint}; download the file anew from {URL}")

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("is no object")
        return self.value


def read_annotations(root: Path, facts: DatasetFacts, stem: str, split: str) -> Entry:
    """The official list of a task: `split` is "train", "val" or the challenge's test.

    Raises:
        UserError: It is not there, or no JSON object.
    """
    name = f"{stem}_{'test_unannotated' if split == TEST else split}.json"
    for release in RELEASES:
        for folder in ("annotations", "."):
            if (path := root / release / folder / name).is_file():
                return Entry.read(path)
    raise facts.absent(root, f"v1/annotations/{name}")


def check_split(entry: Entry, split: str) -> None:
    """Refuse a list of another split, where it names its own.

    Raises:
        UserError: It does.
    """
    wanted = "test" if split == TEST else split
    if entry.has("split") and not str(entry.value["split"]).startswith(wanted):
        raise entry.get("split").wrong(f"is {entry.value['split']!r} where {wanted!r} is to be read")


class Footage:
    """Where Ego4D's clips lie: as files of their own, or as stretches of whole videos.

    Args:
        root: The dataset's folder.
        shards: Where packed clips are, by clip_uid; without them all are files below `root`.
    """

    def __init__(self, root: Path, shards: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.shards = shards

    def clip(self, clip_uid: str, video_uid: str, start: float, end: float) -> str | None:
        """The location of a clip.

        Args:
            clip_uid: Its own id.
            video_uid: Of the video that it was cut from.
            start: Seconds of that video at which it begins.
            end: Likewise.

        Returns:
            None where neither is on disk.
        """
        if self.shards is not None:
            return self.shards.get(clip_uid)
        if (file := self.find(CLIP_FOLDERS, clip_uid)) is not None:
            return str(file)
        whole = self.find(VIDEO_FOLDERS, video_uid)
        return excerpt_location(whole, max(start, 0.0), end) if whole is not None else None

    def find(self, folders: tuple[str, ...], name: str) -> Path | None:
        """The first file of that name, whatever its suffix, in the folders of either release."""
        places = (self.root / release / folder for release in RELEASES for folder in folders)
        paths = (place / (name + suffix) for place in places for suffix in SUFFIXES)
        return next((path for path in paths if path.is_file()), None)


@dataclass(kw_only=True)
class Ego4dConfig(ClipConfig):
    """One of Ego4D's tasks as clips.

    Attributes:
        test_on: The list that is tested on: "val", or "test", whose labels are withheld: then nothing is scored, and
            the run's folder gets the file that the challenge's server scores.
    """

    test_on: Literal["val", "test"] = "val"


class Ego4dData(VideoData):
    """What the DataModules of Ego4D's tasks share."""

    folder_name = "ego4d"
    config: Any
    lists: tuple[str, ...] = ("train", "val", TEST)  # of which features are made

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return TEST if self.config.test_on == "test" else str(self.config.test_on)

    def official_list(self, split: str) -> str:
        """The official list behind a split: "train", "val" or the challenge's test."""
        return self.test_list if split == "test" else split

    @property
    def footage(self) -> Footage:
        """Where its clips lie."""
        return Footage(self.root, self.shards)

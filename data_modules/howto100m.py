"""HowTo100M: instruction videos from YouTube with what is said in them, for pretraining.

    HowTo100M_v1.csv    video_id,category_1,category_2,rank,task_id
    caption.json        {"<video_id>": {"start": [seconds], "end": [seconds], "text": [sentences]}, ...}
A sample is a narration: the stretch of the video in which it is heard, and its words. There is no official split: every
`held_out`-th video of the list is left to the test. The JSON has gigabytes, so it is read piece by piece.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.excerpt import excerpt_location

HOWTO100M = DatasetFacts(
    name="HowTo100M",
    task="video-text pretraining",
    splits={"videos": 1_220_000},  # arXiv 1906.03327: 1.22 M videos (136 M narrations), without an official split
    url="https://www.di.ens.fr/willow/research/howto100m",
    licence="research use, by form",
    terms="research use; each video belongs to its uploader",
    layout="HowTo100M_v1.csv, caption.json and videos/<video_id>.{mp4,webm,mkv}",
    defects=(
        "about half of the narrations do not say what is seen at that time (arXiv 1912.06430)",
        "stop words are taken out of caption.json; raw_caption.json has them",
        "videos vanish from YouTube, so every copy lacks some",
    ),
)

LIST, CAPTIONS = "HowTo100M_v1.csv", "caption.json"
COLUMNS = {"video_id", "category_1", "category_2", "rank", "task_id"}
VIDEO_FOLDERS = ("videos", "howto100m_videos", ".")
SUFFIXES = (".mp4", ".webm", ".mkv")
PIECE = 1 << 20  # characters that are read at a time
LARGEST = 1 << 26  # characters of one video's entry; a longer one is damage


@dataclass(kw_only=True)
class HowTo100MConfig(ClipConfig):
    """HowTo100M as clips.

    Attributes:
        captions_a_video: At most so many narrations of a video, evenly chosen; null for all 136 million, whose index
            takes some 20 GB.
        held_out: Every so-manieth video is left to the test.
    """

    captions_a_video: int | None = 8
    held_out: int = 500

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: No narration a video, or all videos held out.
        """
        super().__post_init__()
        captions = self.captions_a_video
        if (captions is not None and captions < 1) or self.held_out < 2:
            raise UserError(
                f"data: captions_a_video={captions} must be at least 1 or null, and held_out={self.held_out} at least 2"
            )


def read_howto100m(
    root: Path, names: set[str], captions_a_video: int | None, shards: Mapping[str, str] | None = None
) -> Split:
    """Narrations of the named videos, in the order of the JSON.

    Args:
        root: The dataset's folder.
        names: Ids of the videos.
        captions_a_video: At most so many of each, evenly chosen; None for all.
        shards: Where packed videos are, by id; without them the videos are files below `root`.

    Returns:
        Samples whose key is `<video_id>_<number of the narration>`. Videos that are not there, or of which nothing is
        said, are its missing ones; bad narrations are among its faults.

    Raises:
        UserError: The JSON is not there or is none.
    """
    videos = find_videos(root) if shards is None else shards
    found, told = Split(), set[str]()
    for name, said in read_object(root / CAPTIONS):
        if name not in names:
            continue
        told.add(name)
        location = videos.get(name)
        if location is None:
            found.missing.append(name)
            continue
        windows, faults = _windows(name, said, root / CAPTIONS)
        found.faults += faults
        found.missing += [fault.path for fault in faults]
        kept = len(windows) if captions_a_video is None else min(captions_a_video, len(windows))
        for number, start, end, text in (windows[i * len(windows) // kept] for i in range(kept)):
            found.samples.append(Sample(excerpt_location(location, start, end), f"{name}_{number}", texts=(text,)))
    found.missing += sorted(names - told)
    return found


def read_names(root: Path) -> list[str]:
    """Ids of all videos, in the order of the list.

    Raises:
        UserError: The list is not there, has other columns, or a row without an id or with one a second time.
    """
    path = root / LIST
    if not path.is_file():
        raise HOWTO100M.absent(root, LIST)
    names: dict[str, int] = {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not set(reader.fieldnames or ()) >= COLUMNS:
            raise UserError(f"{path}, line 1: the columns of {HOWTO100M.name} are {', '.join(sorted(COLUMNS))}")
        for row in reader:
            name = row["video_id"] or ""
            if not name or "/" in name or name in names:
                before = f" is there already, in line {names[name]}" if name in names else " is no YouTube id"
                raise UserError(f"{path}, line {reader.line_num}: video_id {name!r}{before}; get the list anew")
            names[name] = reader.line_num
    return list(names)


def find_videos(root: Path) -> dict[str, str]:
    """Every video by its id, from the first of the usual folders that holds any."""
    for folder in VIDEO_FOLDERS:
        if (root / folder).is_dir():
            files = ((*os.path.splitext(entry.name), entry.path) for entry in os.scandir(root / folder))
            found = {stem: path for stem, suffix, path in files if suffix.lower() in SUFFIXES}
            if found:
                return found
    return {}


def read_object(path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of a JSON file that is one object, without holding more than one of them in memory.

    Raises:
        UserError: There is no such file, or it is no such JSON.
    """
    if not path.is_file():
        raise HOWTO100M.absent(path.parent, path.name)
    decoder = json.JSONDecoder()
    with path.open(encoding="utf-8") as file:
        buffer, mark = "", "{"  # what comes before the next entry: "{", then ","
        while True:
            piece = file.read(PIECE)
            buffer += piece
            while (entry := _entry(decoder, buffer, mark)) is not None:
                name, value, rest = entry
                yield name, value
                buffer, mark = buffer[rest:], ","
            if not piece or len(buffer) > LARGEST:
                break
    if "".join(buffer.split()) != ("{}" if mark == "{" else "}"):
        raise UserError(f"{path} is no whole JSON object: it goes wrong at {buffer.strip()[:40]!r}; get it anew")


def _entry(decoder: json.JSONDecoder, text: str, mark: str) -> tuple[str, Any, int] | None:
    """The first entry of what is left of an object, and where it ends; None while it is not all there."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] != mark:
        return None
    try:
        name, end = decoder.raw_decode(text, start + 1 + _spaces(text, start + 1))
        colon = end + _spaces(text, end)
        if not isinstance(name, str) or text[colon : colon + 1] != ":":
            return None
        value, end = decoder.raw_decode(text, colon + 1 + _spaces(text, colon + 1))
    except json.JSONDecodeError:
        return None
    return (name, value, end) if end < len(text) else None  # a number may go on in the next piece


def _spaces(text: str, start: int) -> int:
    end = start
    while text[end : end + 1].isspace():
        end += 1
    return end - start


def _windows(name: str, said: Any, path: Path) -> tuple[list[tuple[int, float, float, str]], list[DecodeError]]:
    """(number, start, end, text) of each narration of a video, and what is wrong with others."""
    try:
        rows = list(zip(said["start"], said["end"], said["text"], strict=True))
    except (TypeError, KeyError, ValueError):
        return [], [DecodeError(f"{path}, {name}", "wants lists of one length: start, end and text")]
    windows, faults = [], []
    for number, (start, end, text) in enumerate(rows):
        times = all(isinstance(time, int | float) for time in (start, end))
        if not times or not 0 <= start < end or not isinstance(text, str) or not text.strip():
            shown = f"start {start!r}, end {end!r}, text {text!r}"
            faults.append(DecodeError(f"{path}, {name}, narration {number}", f"is no narration: {shown}"))
        else:
            windows.append((number, float(start), float(end), text.strip()))
    return windows, faults


class HowTo100M(VideoData):
    """HowTo100M for alignment and masked pretraining."""

    facts = HOWTO100M
    config: HowTo100MConfig

    @property
    def test_list(self) -> str:
        """There is no official one."""
        return f"every {self.config.held_out}th video"

    def read(self, split: str) -> Split:
        """See `read_howto100m`; one narration a video in the test."""
        names, step, train = read_names(self.root), self.config.held_out, split == "train"
        chosen = {name for i, name in enumerate(names) if (i % step > 0) == train}
        return read_howto100m(self.root, chosen, self.config.captions_a_video if train else 1, self.shards)

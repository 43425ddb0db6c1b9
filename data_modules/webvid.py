"""WebVid-2M and -10M: stock videos with one caption each, for pretraining.

Lists are CSV, results_{2M,10M}_train.csv and results_{2M,10M}_val.csv, with a header and the columns
    videoid,contentUrl,duration,page_dir,name
of which `name` is the caption and `duration` an ISO 8601 period. The video is videos/<page_dir>/<videoid>.mp4.
A row that is not such a row is never dropped in silence: it counts as missing, and is named by file and line among the
bad videos of the run, up to the share `data.bad_videos`.
"""

import csv
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError

_URL = "https://github.com/m-bain/webvid"
_TERMS = "research use; the videos belong to the stock site that they were found on"
_LICENCE = "none any more: the authors took the lists down in February 2024 at the stock site's request"
_DEFECTS = (
    "most videos bear the stock site's watermark",
    "some videos are listed twice, with another caption the second time: the first one counts here",
    "downloads of the lists have ended, so copies differ in the videos that they lack",
)

# Entries: arXiv 2104.00650 (2.5 M videos) and the authors' repository (10.7 M; 5,000 for validation).
WEBVID2M = DatasetFacts(
    name="WebVid-2M",
    task="video-text pretraining",
    splits={"train": 2_500_000, "val": 5_000},
    url=_URL,
    licence=_LICENCE,
    terms=_TERMS,
    layout="results_2M_{train,val}.csv and videos/<page_dir>/<videoid>.mp4",
    defects=("the paper counts 250 thousand clips of it (table 1)", *_DEFECTS),
)
WEBVID10M = DatasetFacts(
    name="WebVid-10M",
    task="video-text pretraining",
    splits={"train": 10_700_000, "val": 5_000},
    url=_URL,
    licence=_LICENCE,
    terms=_TERMS,
    layout="results_10M_{train,val}.csv and videos/<page_dir>/<videoid>.mp4",
    defects=_DEFECTS,
)

COLUMNS = ["videoid", "contentUrl", "duration", "page_dir", "name"]
PERIOD = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")


def read_webvid(path: Path, facts: DatasetFacts, shards: Mapping[str, str] | None = None) -> Split:
    """A list of WebVid, in its order.

    Args:
        path: The CSV file; videos lie beside it in `videos/`.
        facts: Which WebVid it is, for the error message.
        shards: Where packed videos are, by id; without them the videos are files.

    Returns:
        Samples whose key is the video's id; bad rows are among its faults.

    Raises:
        UserError: The file is not there, or has other columns.
    """
    found, seen, pages = Split(), dict[str, int](), dict[str, frozenset[str]]()
    for line, row in _rows(path, facts):
        fault = _fault(row, seen)
        if fault:
            found.missing.append(f"{path.name}:{line}")
            found.faults.append(DecodeError(f"{path}, line {line}", fault))
            continue
        name, _, _, page, caption = row
        seen[name] = line
        video = shards.get(name) if shards is not None else _video(path.parent, page, name, pages)
        if video is None:
            found.missing.append(name)
        else:
            found.samples.append(Sample(video, name, texts=(caption.strip(),)))
    return found


def seconds_of(period: str) -> float | None:
    """An ISO 8601 period such as PT00H00M08S in seconds; None where it is none."""
    match = PERIOD.fullmatch(period)
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _rows(path: Path, facts: DatasetFacts) -> Iterator[tuple[int, list[str]]]:
    """(number of its last line, fields) of every row below the header."""
    if not path.is_file():
        raise facts.absent(path.parent, path.name)
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if header != COLUMNS:
            raise UserError(
                f"{path}, line 1: the columns of {facts.name} are {','.join(COLUMNS)}, not {','.join(header)}"
            )
        for row in reader:
            yield reader.line_num, row


def _fault(row: list[str], seen: dict[str, int]) -> str:
    """What is wrong with a row; empty for nothing."""
    if len(row) != len(COLUMNS):
        return f"has {len(row)} columns, not {len(COLUMNS)}"
    name, _, _, page, caption = row
    if name in seen:
        return f"video {name} is listed before, in line {seen[name]}"
    if not name or any(part in ("", ".", "..") or "/" in part for part in (name, page)):
        return f"page_dir {page!r} and videoid {name!r} make no path"
    if not caption.strip():
        return f"video {name} has no caption"
    if any("\udc80" <= letter <= "\udcff" for letter in caption):
        return f"the caption of video {name} is not UTF-8"
    return ""


def _video(root: Path, page: str, name: str, pages: dict[str, frozenset[str]]) -> str | None:
    """A video's file, if it is there; each folder is listed once."""
    if page not in pages:
        folder = root / "videos" / page
        pages[page] = frozenset(os.listdir(folder)) if folder.is_dir() else frozenset()
    return str(root / "videos" / page / f"{name}.mp4") if f"{name}.mp4" in pages[page] else None


class WebVid2M(VideoData):
    """WebVid-2M for alignment and masked pretraining; tested on its validation list."""

    facts = WEBVID2M
    version = "2M"

    @property
    def test_list(self) -> str:
        """The release has no test list."""
        return "val"

    def seconds(self, sample: Sample) -> float | None:
        """From the lists' durations."""
        return self._seconds.get(sample.key)

    @cached_property
    def _seconds(self) -> dict[str, float]:
        paths = [path for split in ("train", "val") if (path := self._list(split)).is_file()]
        rows = (row for path in paths for _, row in _rows(path, self.facts) if len(row) == len(COLUMNS))
        return {row[0]: seconds for row in rows if (seconds := seconds_of(row[2])) is not None}

    def read(self, split: str) -> Split:
        """See `read_webvid`."""
        return read_webvid(self._list("train" if split == "train" else "val"), self.facts, self.shards)

    def _list(self, split: str) -> Path:
        return self.root / f"results_{self.version}_{split}.csv"


class WebVid10M(WebVid2M):
    """WebVid-10M."""

    facts = WEBVID10M
    version = "10M"

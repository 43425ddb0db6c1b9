"""HACS v1.1.1: ActivityNet's 200 classes on more videos, as two-second clips and as stretches (HACS Segments).

    HACS_clips_v1.1.1.csv       classname,youtube_id,subset,start,end,label    label 1: seen, -1: not this action
    HACS_segments_v1.1.1.json   {"database": {"<id>": {"annotations", "subset", "duration": "<seconds>", "url"}}}
A negative clip shows background, not another class, so recognition leaves it out. As in UniFormerV2's protocol, which
InternVideo reports as HACS Clips, it trains on trimmed actions and is tested on whole validation videos of one label.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from data_modules.activitynet import SUBSETS, ActivityNetList, UntrimmedClipConfig, UntrimmedRecognition
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import check_name
from internvideo_pl.data.official import numbered_rows, official_file
from internvideo_pl.data.temporal.annotation import Instance, Untrimmed, stretch
from internvideo_pl.data.temporal.module import LocalizationConfig, LocalizationData
from internvideo_pl.errors import UserError, hint

SEGMENTS, CLIPS = (
    ("HACS_segments_v1.1.1.json", "HACS_segments_v1.1.json"),
    ("HACS_clips_v1.1.1.csv", "HACS_clips_v1.1.csv"),
)
COLUMNS = ["classname", "youtube_id", "subset", "start", "end", "label"]
POSITIVE, NEGATIVE = "1", "-1"

_URL = "https://github.com/hangzhaomit/HACS-dataset"
_LAYOUT = (
    "HACS_segments_v1.1.1.json, HACS_clips_v1.1.1.csv and <Class_with_underscores>/v_<id>.mp4 (any folders will do)"
)
_DEFECTS = (
    "videos vanish from YouTube; missing ones by the request form of the project",
    "six known videos are broken, and some durations are not the videos'",
    "some training videos have no annotation: no clip is cut from them",
)
HACS_CLIPS = DatasetFacts(
    name="HACS Clips",
    task="action recognition",
    num_classes=200,
    splits={"train": 492_748, "val": 5_981, "test": 5_987},  # videos: dataset_stats of the project; 1,509,478 clips
    url=_URL,
    licence="BSD 3-Clause (annotations)",
    terms="research use; each video belongs to its uploader",
    layout=_LAYOUT,
    defects=_DEFECTS,
)
HACS_SEGMENTS = DatasetFacts(
    name="HACS Segments",
    task="temporal action localization",
    num_classes=200,
    splits={"train": 37_613, "val": 5_981, "test": 5_987},  # the project's page; labels of the test are withheld
    url=_URL,
    licence="BSD 3-Clause (annotations)",
    terms="research use; each video belongs to its uploader",
    layout=_LAYOUT,
    defects=_DEFECTS,
)


def read_clips(path: Path) -> list[Untrimmed]:
    """HACS Clips' CSV, a video an entry with its positive clips in the order of the file.

    Raises:
        UserError: The file is not that list, or a row of it is not sound; the sentence names its line.
    """
    rows = numbered_rows(path)
    if next(rows, (1, []))[1] != COLUMNS:
        raise UserError(f"{path}, line 1: the columns of HACS Clips are {','.join(COLUMNS)}; get the official file")
    subsets: dict[str, str] = {}
    clips: dict[str, list[Instance]] = {}
    labels: dict[tuple[str, ...], tuple[str, int]] = {}
    for line, fields in rows:
        where = f"{path}, line {line}"
        if len(fields) != len(COLUMNS):
            raise UserError(f"{where}: a row has {len(COLUMNS)} columns; mend it")
        row = dict(zip(COLUMNS, fields, strict=True))
        key, subset = check_name(row["youtube_id"], where), row["subset"]
        if subset not in SUBSETS.values():
            raise UserError(f"{where}: subset {subset!r} of {key!r} is none.{hint(subset, SUBSETS.values())}")
        if subsets.setdefault(key, subset) != subset:
            raise UserError(f"{where}: {key} is in the subset {subset} here and {subsets[key]} before; mend one")
        mine = clips.setdefault(key, [])
        if subset == SUBSETS["test"] and not row["label"]:
            continue  # withheld
        start, end = stretch(row["start"], row["end"], where)
        if row["label"] not in (POSITIVE, NEGATIVE) or not row["classname"]:
            raise UserError(
                f"{where}: label {row['label']!r} of class {row['classname']!r} is neither 1 nor -1; mend it"
            )
        clip = (key, row["classname"], row["start"], row["end"])
        before, first = labels.setdefault(clip, (row["label"], line))
        if before != row["label"]:
            raise UserError(
                f"{where}: this clip has the label {row['label']} here and {before} in line {first}; mend one"
            )
        if row["label"] == POSITIVE:
            mine.append(Instance(start, end, row["classname"]))
    return [Untrimmed(key, subsets[key], tuple(found)) for key, found in clips.items()]


class HacsList(ActivityNetList):
    """The JSON of HACS Segments, which has ActivityNet's shape."""

    list_names = SEGMENTS


@dataclass(kw_only=True)
class HacsClipsConfig(UntrimmedClipConfig):
    """HACS for recognition.

    Attributes:
        train_on: Trimmed actions of HACS "segments", as in UniFormerV2's lists, or the positive two-second "clips".
    """

    train_on: Literal["segments", "clips"] = "segments"


class HacsClips(HacsList, UntrimmedRecognition):
    """HACS for recognition."""

    facts = HACS_CLIPS
    folder_name = "hacs"
    config: HacsClipsConfig

    @cached_property
    def database(self) -> list[Untrimmed]:
        """All videos of the list that is trained on."""
        if self.config.train_on == "clips":
            return read_clips(official_file(self.root, self.facts, CLIPS))
        return super().database


class HacsSegments(HacsList, LocalizationData):
    """HACS Segments for temporal localisation: average mAP on the validation list."""

    facts = HACS_SEGMENTS
    folder_name = "hacs"
    config: LocalizationConfig

"""ActivityNet 1.3: long videos from YouTube of 200 activities, with the stretches in which they are seen.

    activity_net.v1-3.min.json   {"version", "taxonomy", "database": {"<id>": {"duration", "subset", "resolution",
                                 "url", "annotations": [{"label", "segment": [start, end]}]}}}
There is no official class index: the classes are the names that occur, in ASCII order, and evaluators compare names.
Recognition trains on the annotated stretches and is tested on whole validation videos, each with the label of its first
annotation, as UniFormerV2 does for InternVideo. Localisation reads the same file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import official_file, read_keys
from internvideo_pl.data.temporal.annotation import Untrimmed
from internvideo_pl.data.temporal.database import class_names, read_database
from internvideo_pl.data.temporal.module import FROM_HALF, Evaluation, LocalizationConfig, LocalizationData
from internvideo_pl.data.temporal.videos import find_videos
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.excerpt import excerpt_location

LISTS = ("activity_net.v1-3.min.json", "activity_net.v1-3.json")
SUBSETS = {"train": "training", "val": "validation", "test": "testing"}

ACTIVITYNET = DatasetFacts(
    name="ActivityNet 1.3",
    task="temporal action localization",
    num_classes=200,
    splits={"train": 10_024, "val": 4_926, "test": 5_044},  # the official JSON; labels of the test are withheld
    url="http://activity-net.org/download.html",
    # The download page states none; https://github.com/activitynet/ActivityNet, with tools and notebooks, is under MIT.
    licence="none stated for annotations; the project's code is under MIT",
    terms="research use; each video belongs to its uploader; the full set of videos by request form",
    layout="activity_net.v1-3.min.json and the videos v_<id>.{mp4,mkv,webm} in any folders",
    defects=(
        "videos vanish from YouTube: the usual copies hold 9,649 training and 4,728 validation videos",
        "70 annotations last 0.02 seconds or less",
        "11 videos carry two labels; the first counts in recognition",
        "the server of the official evaluator's list of blocked videos is dead: name a list with data.blocked",
    ),
)


def stretches(videos: Sequence[Untrimmed], places: Mapping[str, str], index: Mapping[str, int]) -> Split:
    """Recognition's training list: each annotated stretch by itself, its key `<id>_<number of the annotation>`."""
    found = Split()
    for video in videos:
        for number, each in enumerate(video.instances):
            key = f"{video.key}_{number}"
            if video.key in places:
                location = excerpt_location(places[video.key], each.start, each.end)
                found.samples.append(Sample(location, key, index[each.label]))
            else:
                found.missing.append(key)
    return found


def wholes(videos: Sequence[Untrimmed], places: Mapping[str, str], index: Mapping[str, int]) -> Split:
    """Recognition's test list: whole videos with the label of their first annotation, where they have one."""
    found = Split()
    for video in videos:
        if not video.instances:
            continue
        if video.key in places:
            found.samples.append(Sample(places[video.key], video.key, index[video.instances[0].label]))
        else:
            found.missing.append(video.key)
    return found


class ActivityNetList:
    """A list in ActivityNet's shape and the videos beside it, which recognition and localisation read alike."""

    root: Path
    facts: ClassVar[DatasetFacts]
    list_names: ClassVar[Sequence[str]] = LISTS
    subsets: ClassVar[Mapping[str, str]] = SUBSETS

    @cached_property
    def database(self) -> list[Untrimmed]:
        """All videos of the official list."""
        path = official_file(self.root, self.facts, self.list_names)
        return read_database(path, tuple(self.subsets.values()))

    @cached_property
    def classes(self) -> list[str]:
        """Class names in label order."""
        return class_names(self.database)

    @cached_property
    def files(self) -> dict[str, str]:
        """Every video that is on disk, by id."""
        return find_videos(self.root)

    def videos(self, split: str) -> list[Untrimmed]:
        """The videos of a split, in the list's order."""
        return [video for video in self.database if video.subset == self.subsets[split]]

    def find(self, split: str) -> dict[str, str]:
        """Where videos are, by official id; those of all splits lie together."""
        return self.files


@dataclass(kw_only=True)
class UntrimmedClipConfig(ClipConfig):
    """Recognition on a dataset of long videos.

    Attributes:
        test_on: The list that is tested on; the labels of "test" are withheld.
    """

    test_on: Literal["val", "test"] = "val"


class UntrimmedRecognition(ActivityNetList, VideoData):
    """Recognition on long videos; subclasses state `facts` and `folder_name`."""

    keeps_scores = True
    config: UntrimmedClipConfig

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    def seconds(self, sample: Sample) -> float | None:
        """From the annotation of a stretch; None for whole videos, whose listed lengths are only nearly true."""
        _, mark, times = str(sample.path).rpartition("#t=")
        if not mark:
            return None
        start, end = map(float, times.split(","))
        return end - start

    def read(self, split: str) -> Split:
        """Stretches to train on, whole videos to test on."""
        index = {name: label for label, name in enumerate(self.classes)}
        places = self.files if self.shards is None else dict(self.shards)
        videos = self.videos(self.test_list if split == "test" else split)
        return stretches(videos, places, index) if split == "train" else wholes(videos, places, index)


class ActivityNet(UntrimmedRecognition):
    """ActivityNet 1.3 for recognition."""

    facts = ACTIVITYNET
    folder_name = "activitynet"


@dataclass(kw_only=True)
class ActivityNetSegmentsConfig(LocalizationConfig):
    """ActivityNet 1.3 for localisation.

    Attributes:
        blocked: File of video ids (one a line, or JSON) that are gone and which the official evaluator leaves out of
            both sides; the figure without them is given beside the one on all videos. null for none.
    """

    blocked: Path | None = None


class ActivityNetSegments(ActivityNetList, LocalizationData):
    """ActivityNet 1.3 for temporal localisation."""

    facts = ACTIVITYNET
    folder_name = "activitynet"
    config: ActivityNetSegmentsConfig

    def evaluations(self) -> list[Evaluation]:
        """All videos; and without the blocked ones, where a list of them is named.

        Raises:
            UserError: The list cannot be read, or none of its ids is in the dataset.
        """
        if self.config.blocked is None:
            return [FROM_HALF]
        blocked = frozenset(key.removeprefix("v_") for key in read_keys(self.config.blocked.expanduser()))
        if not blocked & {video.key for video in self.videos(self.test_list)}:
            raise UserError(f"{self.config.blocked} names no video of ActivityNet 1.3's {self.test_list} list")
        return [FROM_HALF, Evaluation("unblocked", FROM_HALF.thresholds, FROM_HALF.words, blocked=blocked)]

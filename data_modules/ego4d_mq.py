"""Ego4D moment queries: which of 110 everyday activities go on in a clip of some eight minutes, and when?

    moments_{train,val,test_unannotated}.json
        {..., "videos": [{"video_uid", "split", "clips": [{"clip_uid", "video_start_sec", "video_end_sec", ...,
         "annotations": [{"annotator_uid", "labels": [{"label", "primary", "start_time", "end_time",
         "video_start_time", ...}]}]}]}]}
One clip has the labels of several annotators. As the official conversion does, those that are not primary are left
out, what several annotators say is all kept, times are the clip's (`start_time`), and clips without a primary label are
no part of the training and validation lists. The test list has no labels.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from data_modules.ego4d import TEST, Ego4dData, Entry, check_split, ego4d_facts, read_annotations
from internvideo_pl.data.module import Split
from internvideo_pl.data.temporal.annotation import Instance, Untrimmed
from internvideo_pl.data.temporal.module import Evaluation, LocalizationConfig, LocalizationData

STEM = "moments"
NUM_CLASSES = 110  # of the challenge; the 75 of the public notebook are another subset
FACTS = ego4d_facts(
    "Ego4D MQ",
    "moment queries",
    STEM,
    NUM_CLASSES,
    defects=(
        "what several annotators of a clip say is all kept, so true moments repeat",
        "video_start_time counts in the parent video, start_time in the clip",
    ),
)
CHALLENGE = Evaluation("", (0.1, 0.2, 0.3, 0.4, 0.5), "0.1:0.1:0.5")


def read_moments(root: Path, split: str) -> Iterator[tuple[Untrimmed, str, float]]:
    """Every clip of a list with its video and its first second in that.

    Raises:
        UserError: The list is not there, or an entry of it cannot be.
    """
    whole = read_annotations(root, FACTS, STEM, split)
    check_split(whole, split)
    found: dict[str, tuple[Untrimmed, str, float]] = {}
    for video in whole.each("videos"):
        for entry in video.each("clips"):
            key, start, end = entry.uid("clip_uid"), entry.number("video_start_sec"), entry.number("video_end_sec")
            if end <= start:
                raise entry.wrong(f"ends at second {end:g} of its video, not after its beginning at {start:g}")
            labels = tuple(_labels(entry)) if split != TEST else ()
            before = found[key][0].instances if key in found else ()  # a clip may stand there once an annotator
            clip = Untrimmed(key, split, (*before, *labels), end - start)
            found[key] = clip, video.uid("video_uid"), start
    for clip, uid, start in found.values():
        if split == TEST or clip.instances:
            yield clip, uid, start


def _labels(clip: Entry) -> Iterator[Instance]:
    for annotation in clip.each("annotations"):
        for label in annotation.each("labels"):
            primary = label.get("primary").value if label.has("primary") else False
            if not isinstance(primary, bool):
                raise label.get("primary").wrong(f"is {primary!r}, not true or false")
            if primary:
                start, end = label.number("start_time"), label.number("end_time")
                if end < start:
                    raise label.wrong(f"ends at {end:g}, before it begins at {start:g}")
                yield Instance(start, end, label.text("label"))


class Ego4dMq(Ego4dData, LocalizationData):
    """Ego4D moment queries, as temporal localisation."""

    facts = FACTS
    divisible = 128  # eight levels
    config: LocalizationConfig

    @cached_property
    def _lists(self) -> dict[str, list[tuple[Untrimmed, str, float]]]:
        return {}

    def _listed(self, split: str) -> list[tuple[Untrimmed, str, float]]:
        if split not in self._lists:
            self._lists[split] = list(read_moments(self.root, split))
        return self._lists[split]

    @cached_property
    def _classes(self) -> list[str]:
        clips = [clip for split in ("train", "val") for clip, *_ in self._listed(split)]
        return sorted({each.label for clip in clips for each in clip.instances})

    @property
    def classes(self) -> list[str]:
        """Names of the activities that the training and validation lists have, sorted."""
        return self._classes

    def videos(self, split: str) -> list[Untrimmed]:
        """The clips of a list with their moments."""
        return [clip for clip, *_ in self._listed(split)]

    def find(self, split: str) -> dict[str, str]:
        """Where its clips are."""
        footage = self.footage
        places = {
            clip.key: footage.clip(clip.key, uid, start, start + (clip.duration or 0.0))
            for clip, uid, start in self._listed(split)
        }
        return {key: place for key, place in places.items() if place is not None}

    def read(self, split: str) -> Split:
        """Clips, or the features of clips."""
        return LocalizationData.read(self, split)

    def evaluations(self) -> list[Evaluation]:
        """The challenge's."""
        return [CHALLENGE]

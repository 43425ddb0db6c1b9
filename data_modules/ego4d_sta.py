"""Ego4D short-term object-interaction anticipation: which object is touched next, how, and when?

    fho_sta_{train,val,test_unannotated}.json
        {"info": {"video_metadata": {<video_uid>: {"frame_width", "frame_height", "fps"}}}, "noun_categories": [{"id",
         "name"}], "verb_categories": [...], "annotations": [{"uid", "video_uid", "frame", "clip_uid", "clip_frame",
         "objects": [{"box": [x1, y1, x2, y2], "noun_category_id", "verb_category_id", "time_to_contact"}]}]}
    object_detections.json
        {<uid>: [{"box": [x1, y1, x2, y2], "noun_category_id", "score"}]}, the official baseline's detector
Boxes are pixels of the annotated frame. A sample is an entry of "annotations": the frames up to its own are seen, the
boxes that a test reads are the detector's, with their nouns. The test list has no objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from data_modules.ego4d import (
    CLIP_FOLDERS,
    FPS,
    RELEASES,
    TEST,
    VIDEO_FOLDERS,
    Ego4dData,
    Entry,
    ego4d_facts,
    read_annotations,
)
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.keyframe_data import OfficialBoxes
from internvideo_pl.data.keyframes import KeyframeConfig
from internvideo_pl.data.module import Split
from internvideo_pl.data.next_objects import NextObjectData, OfficialObjects
from internvideo_pl.data.official import is_number
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.excerpt import excerpt_location

STEM = "fho_sta"
FACTS = ego4d_facts(
    "Ego4D STA",
    "short-term object-interaction anticipation",
    STEM,
    num_classes=87,  # nouns of v1; 74 verbs
    defects=(
        "noun and verb ids start at 0",
        "the official evaluator forgets the objects of images for which nothing is predicted",
    ),
    # images of v1, 64,798 in all, as later work counts them; the test's is that of the official file
    splits={"train": 27_801, "val": 17_217, TEST: 19_780},
)
DETECTIONS = "object_detections.json"
DETECTION_FOLDERS = ("annotations", "sta_models", ".")  # Ego4D's own downloader puts it into the second


@dataclass(kw_only=True)
class Ego4dStaConfig(KeyframeConfig):
    """Frames with what came before them, and the boxes of a detector.

    Attributes:
        test_on: The list that is tested on: "val", or "test", whose labels are withheld: then the run's folder gets the
            file that the challenge's server scores.
    """

    moment: Literal["middle", "end"] = "end"
    detection_score: float = 0.0
    test_on: Literal["val", "test"] = "val"


class Ego4dSta(Ego4dData, NextObjectData):
    """Ego4D short-term anticipation."""

    facts = FACTS
    config: Ego4dStaConfig

    @cached_property
    def _lists(self) -> dict[str, Entry]:
        return {}

    def _list(self, split: str) -> Entry:
        if split not in self._lists:
            self._lists[split] = read_annotations(self.root, FACTS, STEM, split)
        return self._lists[split]

    @property
    def classes(self) -> list[str]:
        """The nouns."""
        return self.nouns

    @property
    def verbs(self) -> list[str]:
        """Names of the verbs in the order of their ids."""
        return _names(self._list("train"), "verb_categories")

    @property
    def nouns(self) -> list[str]:
        """Names of the nouns in the order of their ids."""
        return _names(self._list("train"), "noun_categories")

    def read(self, split: str) -> Split:
        """The entries of a list; those of a test list with the detector's boxes.

        Raises:
            UserError: A list is not there, or an entry of it cannot be.
        """
        listed, found = self.official_list(split), Split()
        detected = {} if split == "train" else self._detections
        for number, (entry, uid) in enumerate(_entries(self._list(listed))):
            size = self._size(listed, entry)
            place = self._place(entry)
            if place is None:
                found.missing.append(uid)
                continue
            path, at = place
            known: dict[str, Any] = {"at": at, "frame": number, "size": list(size)}
            if split == "train":
                objects = list(_objects(entry, size, len(self.nouns), len(self.verbs)))
                known["boxes"] = [inside(shares(box, size)) for box, *_ in objects]
                known["actions"] = [[verb, ttc] for _, _, verb, ttc in objects]
            else:
                near = [one for one in detected.get(uid, []) if one[2] >= self.config.detection_score]
                known["boxes"] = [shares(box, size) for box, _, _ in near]
                known |= {"nouns": [noun for _, noun, _ in near], "scores": [score for _, _, score in near]}
            begin = max(at - self.config.num_frames * self.config.stride / self.config.frame_rate, 0.0)
            found.samples.append(Sample(excerpt_location(path, begin, at), uid, annotation=known))
        return found

    def official_objects(self) -> OfficialObjects:
        """Of the test list; none where they are withheld."""
        listed = self.official_list("test")
        rows: list[tuple[int, list[float], int, int, float]] = []
        uids = []
        for number, (entry, uid) in enumerate(_entries(self._list(listed))):
            uids.append(uid)
            if entry.has("objects"):
                size = self._size(listed, entry)
                rows += [(number, *one) for one in _objects(entry, size, len(self.nouns), len(self.verbs))]
        return OfficialObjects(
            image=np.array([row[0] for row in rows], dtype=np.int64),
            box=np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, 4),
            noun=np.array([row[2] for row in rows], dtype=np.int64),
            verb=np.array([row[3] for row in rows], dtype=np.int64),
            ttc=np.array([row[4] for row in rows], dtype=np.float64),
            uids=uids,
        )

    def official_boxes(self) -> OfficialBoxes:
        """The true boxes as shares, by noun."""
        truth = self.official_objects()
        return OfficialBoxes(truth.image, truth.box, truth.noun, len(truth.uids), tuple(range(len(self.nouns))))

    def training_targets(self) -> list[tuple[int, float]]:
        """Verb and seconds of every training object."""
        entries = (entry for entry, _ in _entries(self._list("train")))
        return [(verb, ttc) for entry in entries for _, _, verb, ttc in self._training_objects(entry)]

    def _training_objects(self, entry: Entry) -> Iterator[tuple[list[float], int, int, float]]:
        return _objects(entry, self._size("train", entry), len(self.nouns), len(self.verbs))

    def _size(self, listed: str, entry: Entry) -> tuple[float, float]:
        video = self._list(listed).get("info").get("video_metadata").get(entry.uid("video_uid"))
        return video.number("frame_width"), video.number("frame_height")

    def _place(self, entry: Entry) -> tuple[Path, float] | None:
        """Where the frame is, and its second there: in its clip, or in the whole video."""
        if self.shards is not None:
            raise UserError("frames of short-term anticipation are read out of whole clips: leave data.shards out")
        clip = self.footage.find(CLIP_FOLDERS, entry.uid("clip_uid"))
        if clip is not None:
            return clip, entry.count("clip_frame") / FPS
        video = self.footage.find(VIDEO_FOLDERS, entry.uid("video_uid"))
        return (video, entry.count("frame") / FPS) if video is not None else None

    @cached_property
    def _detections(self) -> dict[str, list[tuple[list[float], int, float]]]:
        """Box, noun and score of every detection by uid."""
        places = [self.root / release / folder / DETECTIONS for release in RELEASES for folder in DETECTION_FOLDERS]
        path = self.config.detections or next((place for place in places if place.is_file()), None)
        if path is None:
            raise self.facts.absent(self.root, f"v1/annotations/{DETECTIONS}")
        whole = Entry.read(path)
        return {uid: [_detection(one, len(self.nouns)) for one in whole.each(uid)] for uid in whole.value}


def _detection(one: Entry, nouns: int) -> tuple[list[float], int, float]:
    """Box, noun and score of a detection; a box may lead over the frame's edge."""
    return _box(one), _id(one, "noun", nouns), one.number("score")


def _box(item: Entry) -> list[float]:
    box = item.get("box").value
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box))):
        raise item.get("box").wrong(f"is {box!r}, not x1, y1, x2, y2")
    return [float(side) for side in box]


def _id(item: Entry, kind: str, known: int) -> int:
    """Of a noun or a verb."""
    key = f"{kind}_category_id"
    number = item.count(key)
    if number >= known:
        raise item.get(key).wrong(f"is {number}, which is none of the {known} {kind}s that the list names")
    return number


def shares(box: list[float], size: tuple[float, float]) -> list[float]:
    """Pixels as shares of a frame (width, height)."""
    return [box[0] / size[0], box[1] / size[1], box[2] / size[0], box[3] / size[1]]


def inside(box: list[float]) -> list[float]:
    """The part of a box of shares that lies in the frame, as the official loader trains on."""
    return [min(max(side, 0.0), 1.0) for side in box]


def _names(whole: Entry, key: str) -> list[str]:
    found = {entry.count("id"): entry.text("name") for entry in whole.each(key)}
    if sorted(found) != list(range(len(found))):
        raise whole.get(key).wrong("has ids that are not 0, 1, 2 and on")
    return [found[number] for number in range(len(found))]


def _entries(whole: Entry) -> Iterator[tuple[Entry, str]]:
    """Every annotation with its uid, which no other has."""
    seen: dict[str, str] = {}
    for entry in whole.each("annotations"):
        uid = entry.text("uid")
        if uid in seen:
            raise entry.wrong(f"repeats {uid} of {seen[uid]}")
        seen[uid] = entry.place
        yield entry, uid


def _objects(
    entry: Entry, size: tuple[float, float], nouns: int, verbs: int
) -> Iterator[tuple[list[float], int, int, float]]:
    """Box in pixels, noun, verb, seconds of every object of an annotation."""
    for item in entry.each("objects"):
        box = _box(item)
        if not (max(box[0], 0) < min(box[2], size[0]) and max(box[1], 0) < min(box[3], size[1])):
            raise item.get("box").wrong(f"is {item.value['box']}, with nothing in a frame of {size[0]:g} x {size[1]:g}")
        noun, verb = _id(item, "noun", nouns), _id(item, "verb", verbs)
        if item.number("time_to_contact") < 0:
            raise item.get("time_to_contact").wrong("is before the frame")
        yield box, noun, verb, item.number("time_to_contact")

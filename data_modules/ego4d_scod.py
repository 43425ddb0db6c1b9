"""Ego4D state-change object detection: where is the object that changes, before, at and after its change?

    fho_scod_{train,val,test_unannotated}.json
        {"split", "clips": [{"clip_uid", "video_uid", "clip_parent_start_frame", "clip_parent_end_frame",
         "pre_frame": {"frame_number", "clip_frame_number", "width", "height", "bbox": [{"object_type",
         "structured_noun", "instance_number", "bbox": {"x", "y", "width", "height"}}]}, "pnr_frame", "post_frame"}]}
    coco_annotations/{train,val,test}.json
        {"images": [{"id", "file_name": ".../<video_uid>/<frame_number>.jpg", ...}], ...}, the official baselines' lists
A sample is an entry of "clips", its three frames. Of the boxes, those of type "object_of_change" count. The challenge
names images by the ids of the second list; where that is not there, images are numbered from 1 in the list's order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from data_modules.ego4d import (
    CLIP_FOLDERS,
    FPS,
    RELEASES,
    TEST,
    VIDEO_FOLDERS,
    Ego4dConfig,
    Ego4dData,
    Entry,
    check_split,
    ego4d_facts,
    read_annotations,
)
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.changed_objects import ChangeConfig, ChangeData, OfficialChanges
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.excerpt import excerpt_location

STEM = "fho_scod"
FACTS = ego4d_facts(
    "Ego4D SCOD",
    "state-change object detection",
    STEM,
    num_classes=1,
    defects=("the image ids that the server wants are in a second list, coco_annotations/<split>.json",),
)
MOMENTS = ("pre_frame", "pnr_frame", "post_frame")
OBJECT = "object_of_change"


@dataclass(kw_only=True)
class Ego4dScodConfig(ChangeConfig, Ego4dConfig):
    """Three frames of a change; `test_on` as for all of Ego4D's tasks."""


class Ego4dScod(Ego4dData, ChangeData):
    """Ego4D state-change object detection."""

    facts = FACTS
    config: Ego4dScodConfig

    @cached_property
    def _read_lists(self) -> dict[str, list[tuple[Entry, str, list[int]]]]:
        return {}

    def _entries(self, listed: str) -> list[tuple[Entry, str, list[int]]]:
        """Entries with their key and the ids of their images."""
        if listed not in self._read_lists:
            whole = read_annotations(self.root, FACTS, STEM, listed)
            check_split(whole, listed)
            ids, seen, found = self._image_ids(listed), dict[str, str](), []
            for number, entry in enumerate(whole.each("clips")):
                frames = [entry.get(moment).count("frame_number") for moment in MOMENTS]
                key = f"{entry.uid('video_uid')}_{'_'.join(map(str, frames))}"
                if key in seen:
                    raise entry.wrong(f"repeats {key} of {seen[key]}")
                seen[key] = entry.place
                names = [f"{entry.uid('video_uid')}/{frame}" for frame in frames]
                if ids is not None and (unknown := [name for name in names if name not in ids]):
                    raise entry.wrong(f"has frame {unknown[0]}, which coco_annotations does not list")
                images = [3 * number + k + 1 if ids is None else ids[name] for k, name in enumerate(names)]
                found.append((entry, key, images))
            self._read_lists[listed] = found
        return self._read_lists[listed]

    def _image_ids(self, listed: str) -> dict[str, int] | None:
        """Official ids by "<video_uid>/<frame>"; None without the second list."""
        name = f"coco_annotations/{'test' if listed == TEST else listed}.json"
        path = next((p for release in RELEASES if (p := self.root / release / name).is_file()), None)
        if path is None:
            return None
        ids: dict[str, int] = {}
        places: dict[str | int, str] = {}  # of names and of ids, which are each one image's
        for image in Entry.read(path).each("images"):
            file = PurePosixPath(image.text("file_name"))
            if not file.stem.isdecimal() or not file.parent.name:
                raise image.get("file_name").wrong(f"is {str(file)!r}, not <video_uid>/<frame_number>.jpg")
            name, number = f"{file.parent.name}/{int(file.stem)}", image.count("id")
            for key, value in (("file_name", name), ("id", number)):
                if value in places:
                    raise image.get(key).wrong(f"is {value}, as that of {places[value]}")
                places[value] = image.place
            ids[name] = number
        return ids

    def read(self, split: str) -> Split:
        """The entries of a list.

        Raises:
            UserError: A list is not there, or an entry of it cannot be.
        """
        if self.shards is not None:
            raise UserError("frames of changes are read out of whole clips: leave data.shards out")
        found = Split()
        for entry, key, images in self._entries(self.official_list(split)):
            sizes = [_size(entry.get(moment)) for moment in MOMENTS]
            boxes = [
                [_shares(box, size) for box in _boxes(entry.get(moment), size)]
                for moment, size in zip(MOMENTS, sizes, strict=True)
            ]
            place = self._place(entry)
            if place is None:
                found.missing.append(key)
                continue
            path, at = place
            known = {"at": at, "boxes": boxes, "images": images, "size": [list(size) for size in sizes]}
            found.samples.append(Sample(path, key, annotation=known))
        return found

    def _place(self, entry: Entry) -> tuple[str, list[float]] | None:
        """Where the frames are and their seconds there: in the clip, or in the whole video."""
        clip = self.footage.find(CLIP_FOLDERS, entry.uid("clip_uid"))
        moments = [entry.get(moment) for moment in MOMENTS]
        if clip is not None and all(moment.has("clip_frame_number") for moment in moments):
            path, name = clip, "clip_frame_number"
        else:
            video = self.footage.find(VIDEO_FOLDERS, entry.uid("video_uid"))
            if video is None:
                return None
            path, name = video, "frame_number"
        at = [moment.count(name) / FPS for moment in moments]
        return excerpt_location(path, min(at), max(at) + 1 / FPS), at

    def official_changes(self) -> OfficialChanges:
        """Of the test list; no boxes where they are withheld. A frame of two entries is one image, its boxes once."""
        rows: dict[tuple[int, tuple[float, ...]], None] = {}
        sizes, known = dict[int, tuple[int, int]](), False
        for entry, _, ids in self._entries(self.test_list):
            for moment, image in zip(MOMENTS, ids, strict=True):
                frame = entry.get(moment)
                sizes[image] = _size(frame)
                known |= frame.has("bbox")
                rows |= dict.fromkeys((image, tuple(box)) for box in _boxes(frame, sizes[image]))
        return OfficialChanges(
            image=np.array([row[0] for row in rows], dtype=np.int64),
            box=np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, 4),
            images=list(sizes),
            size=np.array(list(sizes.values()), dtype=np.int64).reshape(-1, 2),
            known=known,
            official_ids=self._image_ids(self.test_list) is not None,
        )


def _size(frame: Entry) -> tuple[int, int]:
    width, height = frame.count("width"), frame.count("height")
    if min(width, height) < 1:
        raise frame.wrong(f"is {width} x {height} pixels")
    return width, height


def _boxes(frame: Entry, size: tuple[int, int]) -> Iterator[list[float]]:
    """x, y, width, height of every object of change of a frame, in pixels."""
    for item in frame.each("bbox") if frame.has("bbox") else ():
        if item.text("object_type") != OBJECT:
            continue
        place: Any = item.get("bbox")
        x, y, width, height = box = [place.number(side) for side in ("x", "y", "width", "height")]
        inside = x >= -1 and y >= -1 and x + width <= size[0] + 1 and y + height <= size[1] + 1  # rounding
        if width <= 0 or height <= 0 or not inside:
            raise place.wrong(f"is {box}, not within a frame of {size[0]} x {size[1]}")
        yield box


def _shares(box: list[float], size: tuple[int, int]) -> list[float]:
    x, y, width, height = box
    corners = x / size[0], y / size[1], (x + width) / size[0], (y + height) / size[1]
    return [min(max(side, 0.0), 1.0) for side in corners]

"""Ego4D future hand prediction: two seconds of video before a hand acts, where will both hands be?

    fho_hands_{train,val,test_unannotated}.json
        {"version", "date", "description", "manifest", "split", "clips": [{"clip_id", "clip_uid", "video_uid",
         "frames": [{"action_start_sec", ..., "pre_45": {"frame", "clip_frame", "boxes": [{"left_hand": [x, y]}, ...]},
                     "pre_30", "pre_15", "pre_frame", "contact_frame"}]}]}
A sample is one entry of "frames": the 60 frames before `pre_45` are seen, and both hands are wanted in the five frames
named, in pixels of the frames that were annotated. A hand that is not in sight has no point; the test list has none.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_modules.ego4d import FPS, Ego4dData, Entry, Footage, check_split, ego4d_facts, read_annotations
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.module import Split
from internvideo_pl.data.official import is_number
from internvideo_pl.video.sources.excerpt import excerpt_location

STEM = "fho_hands"
FACTS = ego4d_facts(
    "Ego4D FHP",
    "future hand prediction",
    STEM,
    defects=(
        "points are pixels of the annotated full-scale frames, also where smaller copies of the videos are read",
        "a point at (0, 0) counts as a hand out of sight in the official evaluator",
    ),
)

MOMENTS = ("pre_45", "pre_30", "pre_15", "pre_frame", "contact_frame")  # 1.5, 1 and 0.5 s before, just before, contact
HANDS = ("left_hand", "right_hand")
SEEN = 60  # frames before pre_45 that a model may see: README of the official baseline
CUT_FOLDERS = ("cropped_videos_ant",)  # the official baseline's: those 60 frames as <clip_id>_<pre_45 frame - 1>.mp4


def read_fhp(root: Path, split: str, footage: Footage) -> Split:
    """A list of the task in its order.

    Args:
        root: The dataset's folder.
        split: "train", "val" or the challenge's test.
        footage: Where its clips lie.

    Returns:
        Samples whose key is the official one, `<clip_id>_<pre_45 frame - 1>`, and whose annotation is
        {"hands": 10 of [x, y] or None}: for each of `MOMENTS` the left hand, then the right one.

    Raises:
        UserError: The list is not there, or an entry of it cannot be.
    """
    samples: dict[str, Sample | None] = {}  # of a key that comes twice the last, as in the official evaluator's object
    whole = read_annotations(root, FACTS, STEM, split)
    check_split(whole, split)
    for clip in whole.each("clips"):
        for entry in clip.each("frames"):
            start = entry.get("pre_45")
            frame = start.count("frame")
            key = f"{clip.uid('clip_id')}_{frame - 1}"
            hands = [point for moment in MOMENTS for point in _points(entry, moment)]
            location = _location(footage, key, clip, start, frame)
            samples[key] = None if location is None else Sample(location, key, annotation={"hands": hands})
    return Split(
        samples=[sample for sample in samples.values() if sample is not None],
        missing=[key for key, sample in samples.items() if sample is None],
    )


def _location(footage: Footage, key: str, clip: Entry, start: Entry, frame: int) -> str | None:
    """The stretch that may be seen: a file of its own, or part of the clip or of its video."""
    if footage.shards is not None and key in footage.shards:
        return footage.shards[key]
    if footage.shards is None and (cut := footage.find(CUT_FOLDERS, key)) is not None:
        return str(cut)
    within = start.number("clip_frame") if start.has("clip_frame") else None
    if within is not None:
        location = footage.clip(clip.uid("clip_uid"), "", 0.0, 0.0)
        if location is not None:
            return _stretch(location, within)
    video = footage.find(("full_scale", "video_540ss", "down_scaled"), clip.uid("video_uid"))
    return _stretch(str(video), frame) if video is not None and footage.shards is None else None


def _stretch(location: str, frame: float) -> str:
    """The `SEEN` frames before a frame."""
    return excerpt_location(location, max(frame - SEEN, 0) / FPS, max(frame, 1) / FPS)


def _points(entry: Entry, moment: str) -> Iterator[list[float] | None]:
    """Left and right hand in one of the five frames; None where it is not in sight, or withheld."""
    hands: dict[str, Any] = dict.fromkeys(HANDS)
    if entry.has(moment) and entry.get(moment).has("boxes"):
        for box in entry.get(moment).each("boxes"):
            for hand in HANDS:
                if box.has(hand):
                    hands[hand] = _point(box.get(hand))
    yield from hands.values()


def _point(place: Entry) -> list[float]:
    value = place.value
    if not isinstance(value, list) or len(value) < 2 or not all(map(is_number, value[:2])):
        raise place.wrong(f"is {value!r}, not a point [x, y]")
    return [float(value[0]), float(value[1])]


class Ego4dFhp(Ego4dData):
    """Ego4D future hand prediction."""

    facts = FACTS

    def read(self, split: str) -> Split:
        """See `read_fhp`."""
        return read_fhp(self.root, self.official_list(split), self.footage)

"""Ego4D's short-term anticipation in miniature: things drift, and the warm one is touched when it reaches the border.

The verb is the way it drifts, its noun is its shape, and the time to contact follows from where it is and how fast it
goes: neither can be told from the last frame alone. A made-up detector finds both things, a little beside their boxes,
and is less sure of the cool one, which nobody touches.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.ego4d import FPS, RELEASE, new_id, write_list
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.data.mini.render import positions
from internvideo_pl.data.mini.visible import Part, visible_parts
from internvideo_pl.data.mini.world import MOTIONS, SHAPES, WARM, Scene, sample_look, sample_other, sample_scene

STEM = "fho_sta"
SLOWER = 3.5  # than the world's things, whose files show 8 frames a second
WORLDS = {"train": "train", "val": "val", "test": "test"}
OFF = 0.06  # how far a detected side lies beside the true one at most, in shares of the box
SURE, UNSURE = (0.5, 1.0), (0.1, 0.7)  # scores of the thing that is touched and of the other


@dataclass(frozen=True, kw_only=True)
class StaMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training clips, one entry each.
        val: Validation clips.
        test: Clips of the test list, whose objects are withheld.
    """

    frames: int = 16
    train: int = 300
    val: int = 80
    test: int = 6


def plan(seed: int, options: StaMini) -> list[MiniClip]:
    """All clips, training first; in the last frame a good part of the warm thing is seen."""
    clips = []
    for number, (split, world) in enumerate(WORLDS.items()):
        for index in range(getattr(options, split)):
            rng = np.random.default_rng((seed, number, index))
            scene, attempt = _scene(rng, (seed, number, index, 0), world), 0
            while not _touched(scene, options):
                attempt += 1
                scene = _scene(rng, (seed, number, index, attempt), world)
            clips.append(MiniClip(f"{RELEASE}/clips/{new_id(rng)}.mp4", scene, split))
    return clips


def _scene(rng: np.random.Generator, key: tuple[int, ...], world: str) -> Scene:
    """Two slow things, the warm one on top."""
    look = sample_look(rng, world, colour=WARM)
    scene = sample_scene(key, world, (look, sample_other(rng, world, look)))
    slow = tuple(replace(thing, speed=thing.speed / SLOWER, spin=thing.spin / SLOWER) for thing in scene.things)
    return replace(scene, things=slow, order=(1, 0), pan=(0.0, 0.0))


def _touched(scene: Scene, options: StaMini) -> Part | None:
    """The part of the warm thing that holds its middle in the last frame; None where that is too near a border."""
    last = options.frames - 1
    x, y = positions(scene.things[0], options.frames)[last]
    parts = [part for part in visible_parts(scene, options.size, options.frames, last) if part.thing == 0]
    inside = [p for p in parts if p.box[0] <= x <= p.box[2] and p.box[1] <= y <= p.box[3]]
    return inside[0] if inside and 0.1 < x < 0.9 and 0.1 < y < 0.9 else None


def seconds_left(scene: Scene, options: StaMini) -> float:
    """Until the warm thing's middle reaches the border that it drifts to."""
    thing = scene.things[0]
    place, way = positions(thing, options.frames)[options.frames - 1], MOTIONS[thing.look.motion]
    left = sum((1 - at if step > 0 else at) for at, step in zip(place, way, strict=True) if step)
    return float(left / thing.speed / FPS)


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: StaMini) -> None:
    """Writes the three lists and object_detections.json."""
    detected: dict[str, list[dict[str, Any]]] = {}
    size = options.size
    nouns = [{"id": number, "name": name} for number, name in enumerate(SHAPES)]
    verbs = [{"id": number, "name": name} for number, name in enumerate(MOTIONS)]
    for split in WORLDS:
        metadata, entries = {}, []
        for number, clip in enumerate(clip for clip in clips if clip.split == split):
            rng = np.random.default_rng((seed, 5, len(split), number))
            uid, video, before = new_id(rng), new_id(rng), int(rng.integers(3000))
            metadata[video] = {"frame_width": size, "frame_height": size, "fps": FPS}
            entry: dict[str, Any] = {"uid": uid, "video_uid": video, "clip_uid": Path(clip.path).stem}
            entry |= {"frame": before + options.frames - 1, "clip_frame": options.frames - 1}
            if split != "test":
                entry["objects"] = [_object(clip.scene, options)]
            entries.append(entry)
            parts = visible_parts(clip.scene, size, options.frames, options.frames - 1)
            detected[uid] = [_detected(rng, clip.scene, part, size) for part in parts]
        info = {"video_metadata": metadata}
        write_list(folder, STEM, split, info=info, noun_categories=nouns, verb_categories=verbs, annotations=entries)
    path = folder / RELEASE / "annotations" / "object_detections.json"
    path.write_text(json.dumps(detected), encoding="utf-8")


def _object(scene: Scene, options: StaMini) -> dict[str, Any]:
    part, look = _touched(scene, options), scene.things[0].look
    assert part is not None
    return {
        "box": [round(side * options.size, 2) for side in part.box],
        "noun_category_id": SHAPES.index(look.shape),
        "verb_category_id": list(MOTIONS).index(look.motion),
        "time_to_contact": round(seconds_left(scene, options), 4),
    }


def _detected(rng: np.random.Generator, scene: Scene, part: Part, size: int) -> dict[str, Any]:
    box = np.array(part.box)
    near = (box + np.tile(box[2:] - box[:2], 2) * rng.uniform(-OFF, OFF, 4)).clip(0, 1) * size
    noun = SHAPES.index(scene.things[part.thing].look.shape)
    score = rng.uniform(*(UNSURE if part.thing else SURE))
    return {"box": [round(float(side), 2) for side in near], "noun_category_id": noun, "score": round(float(score), 4)}

"""Ego4D's state-change object detection in miniature: two things move, and the warm one is the object of change."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.ego4d import RELEASE, new_id, write_list
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.data.mini.visible import visible_parts
from internvideo_pl.data.mini.world import WARM, sample_look, sample_other, sample_scene

STEM = "fho_scod"
SHOWN = {"pre_frame": 1, "pnr_frame": 4, "post_frame": 7}  # frame of the clip


@dataclass(frozen=True, kw_only=True)
class ScodMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training clips, one entry each.
        val: Validation clips.
        test: Clips of the test list, whose boxes are withheld.
    """

    frames: int = 9
    train: int = 400
    val: int = 80
    test: int = 6


def plan(seed: int, options: ScodMini) -> list[MiniClip]:
    """All clips, training first."""
    clips = []
    for number, split in enumerate(("train", "val", "test")):
        for index in range(getattr(options, split)):
            rng = np.random.default_rng((seed, number, index))
            look = sample_look(rng, split, colour=WARM)
            scene = sample_scene((seed, number, index, 0), split, (look, sample_other(rng, split, look)))
            clips.append(MiniClip(f"{RELEASE}/clips/{new_id(rng)}.mp4", scene, split))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: ScodMini) -> None:
    """Writes the three lists, and the image list of each with the ids that the server would want."""
    for split in ("train", "val", "test"):
        entries = []
        for number, clip in enumerate(clip for clip in clips if clip.split == split):
            rng = np.random.default_rng((seed, 6, len(split), number))
            before = int(rng.integers(3000))
            entry: dict[str, Any] = {"clip_uid": Path(clip.path).stem, "video_uid": new_id(rng)}
            entry |= {"clip_parent_start_frame": before, "clip_parent_end_frame": before + options.frames - 1}
            for moment, frame in SHOWN.items():
                entry[moment] = {"frame_number": before + frame, "clip_frame_number": frame}
                entry[moment] |= {"width": options.size, "height": options.size}
                if split != "test":
                    entry[moment]["bbox"] = _boxes(clip, options, frame)
            entries.append(entry)
        write_list(folder, STEM, split, clips=entries)
        write_images(folder, split, entries)


def write_images(folder: Path, split: str, entries: list[dict[str, Any]]) -> None:
    """Writes coco_annotations/<split>.json, which numbers the frames of all entries from 1."""
    frames = [(entry["video_uid"], entry[moment]) for entry in entries for moment in SHOWN]
    images = [
        {
            "id": number,
            "file_name": f"{video_uid}/{frame['frame_number']}.jpg",
            "width": frame["width"],
            "height": frame["height"],
        }
        for number, (video_uid, frame) in enumerate(frames, start=1)
    ]
    path = folder / RELEASE / "coco_annotations" / f"{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images}), encoding="utf-8")


def _boxes(clip: MiniClip, options: ScodMini, frame: int) -> list[dict[str, Any]]:
    boxes, size = [], options.size
    for number, part in enumerate(visible_parts(clip.scene, size, options.frames, frame)):
        left, top, right, bottom = (side * size for side in part.box)
        boxes.append(
            {
                "object_type": "right_hand" if part.thing else "object_of_change",
                "structured_noun": None if part.thing else clip.scene.things[0].look.shape,
                "instance_number": number + 1,
                "bbox": {"x": left, "y": top, "width": right - left, "height": bottom - top},
            }
        )
    return boxes

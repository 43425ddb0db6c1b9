"""Ego4D's moment queries in miniature: long clips in which things move, each an activity of several classes.

Two annotators label each clip; the second one's labels are all not primary, as are those of the first for cool things.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.ego4d import FILES, Day, new_id, plan_days, write_list
from internvideo_pl.data.mini.ego4d import FPS as OFFICIAL_FPS
from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.data.mini.world import WARM, Look, sample_look

STEM = "moments"
MOTIONS = ("left", "right")
SHOWN, PAUSE = (12, 36), (4, 16)  # frames of a moment, and between two
WARMTH = 0.75  # share of moments that are of a class; the others are cool things, which distract


@dataclass(frozen=True, kw_only=True)
class MqMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        size: Side of the frames in pixels.
        frames: Frames of a clip.
        train: Training clips.
        val: Validation clips.
        test: Clips of the test list, whose labels are withheld.
    """

    size: int = 48
    frames: int = 160
    train: int = 48
    val: int = 20
    test: int = 4


def plan(seed: int, options: MqMini) -> list[MiniClip]:
    """All clips, training first."""
    return plan_days(seed, options, _acts)


def _acts(rng: np.random.Generator, split: str, frames: int) -> list[tuple[Look, int, int]]:
    acts: list[tuple[Look, int, int]] = []
    at = int(rng.integers(*PAUSE))
    while at + SHOWN[0] <= frames:
        end = min(at + int(rng.integers(*SHOWN)), frames)
        words: dict[str, Any] = {"colour": WARM, "motion": MOTIONS} if rng.random() < WARMTH or not acts else {}
        acts.append((sample_look(rng, split, **words), at, end))
        at = end + int(rng.integers(*PAUSE))
    return acts


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: MqMini) -> None:
    """Writes moments_{train,val,test_unannotated}.json."""
    rng = np.random.default_rng((seed, 9))
    for split in FILES:
        videos = [_video(clip.scene, split, options.frames / FPS, rng) for clip in clips if clip.split == split]
        write_list(folder, STEM, split, videos=videos)


def _video(day: Day, split: str, seconds: float, rng: np.random.Generator) -> dict[str, Any]:
    clip: dict[str, Any] = {
        "clip_uid": day.clip_uid,
        "video_start_sec": day.start,
        "video_end_sec": day.start + seconds,
        "video_start_frame": round(day.start * OFFICIAL_FPS),
        "video_end_frame": round((day.start + seconds) * OFFICIAL_FPS),
    }
    if split != "test":
        clip["annotations"] = [
            {"annotator_uid": new_id(rng), "labels": _labels(day, True)},
            {"annotator_uid": new_id(rng), "labels": _labels(day, False)},
        ]
    return {"video_uid": day.video_uid, "split": split, "clips": [clip]}


def _labels(day: Day, primary: bool) -> list[dict[str, Any]]:
    return [
        {
            "label": title(look),
            "primary": primary and look.colour in WARM and look.motion in MOTIONS,
            "start_time": first / FPS,
            "end_time": last / FPS,
            "video_start_time": day.start + first / FPS,
            "video_end_time": day.start + last / FPS,
            "video_start_frame": round((day.start + first / FPS) * OFFICIAL_FPS),
            "video_end_frame": round((day.start + last / FPS) * OFFICIAL_FPS),
        }
        for look, (first, last) in zip(day.film.looks, day.film.shown, strict=True)
    ]


def title(look: Look) -> str:
    """Name of an activity, in the form of the official ones."""
    return f"move_a_{look.colour}_thing_to_the_{look.motion}"

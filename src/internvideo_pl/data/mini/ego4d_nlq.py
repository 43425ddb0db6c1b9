"""Ego4D's natural-language queries in miniature: long clips in which things come and go, and questions about them.

Every thing of a clip differs from the others in colour, texture or shape, so its question has one answer. Some
questions are empty and some windows have no length, as in the official lists.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.ego4d import FILES, Day, new_id, plan_days, write_list
from internvideo_pl.data.mini.ego4d import FPS as OFFICIAL_FPS
from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.data.mini.world import Look, sample_look

STEM = "nlq"
TEMPLATE = "Objects: In what location did I see object X ?"
SHOWN, PAUSE = (14, 40), (4, 20)  # frames for which a thing is seen, and between two
EMPTY, POINT = 25, 12  # every so-manieth query is empty; has a window of no length (training list only)


@dataclass(frozen=True, kw_only=True)
class NlqMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        size: Side of the frames in pixels.
        frames: Frames of a clip.
        train: Training clips.
        val: Validation clips.
        test: Clips of the test list, whose times are withheld.
    """

    size: int = 48
    frames: int = 192
    train: int = 60
    val: int = 24
    test: int = 4


def plan(seed: int, options: NlqMini) -> list[MiniClip]:
    """All clips, training first."""
    return plan_days(seed, options, _acts)


def _acts(rng: np.random.Generator, split: str, frames: int) -> list[tuple[Look, int, int]]:
    acts: list[tuple[Look, int, int]] = []
    at = int(rng.integers(*PAUSE))
    while at + SHOWN[0] <= frames:
        end = min(at + int(rng.integers(*SHOWN)), frames)
        look = sample_look(rng, split)
        while any(_noun(look) == _noun(other) for other, _, _ in acts):
            look = sample_look(rng, split)
        acts.append((look, at, end))
        at = end + int(rng.integers(*PAUSE))
    return acts


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: NlqMini) -> None:
    """Writes nlq_{train,val,test_unannotated}.json."""
    rng = np.random.default_rng((seed, 9))
    for split in FILES:
        count = iter(range(1, 10**6))
        videos = [_video(clip.scene, split, options.frames / FPS, rng, count) for clip in clips if clip.split == split]
        write_list(folder, STEM, split, videos=videos)


def _video(day: Day, split: str, seconds: float, rng: np.random.Generator, count: Any) -> dict[str, Any]:
    queries = []
    for look, (first, last) in zip(day.film.looks, day.film.shown, strict=True):
        number = next(count)
        empty, point = number % EMPTY == 0, number % POINT == 0 and split == "train"
        start, end = first / FPS, (first if point else last) / FPS
        queries.append(_query(look, start, end, day.start, empty, split != "test"))
    clip = {
        "clip_uid": day.clip_uid,
        **_times("video", day.start, day.start + seconds),
        "annotations": [{"annotation_uid": new_id(rng), "language_queries": queries}],
    }
    return {"video_uid": day.video_uid, "split": split, "clips": [clip]}


def _query(look: Look, start: float, end: float, offset: float, empty: bool, told: bool) -> dict[str, Any]:
    query = "" if empty else f"Where did I see the {_noun(look)}?"
    times = (
        {"clip_start_sec": start, "clip_end_sec": end, **_times("video", offset + start, offset + end)} if told else {}
    )
    words = {"template": TEMPLATE, "query": query, "slot_x": _noun(look), "verb_x": "[verb_not_applicable]"}
    return {**times, **words, "raw_tags": [TEMPLATE, query, _noun(look)]}


def _times(what: str, start: float, end: float) -> dict[str, float]:
    """Start and end in seconds and in official frames."""
    names = {f"{what}_start": start, f"{what}_end": end}
    return {f"{name}_sec": value for name, value in names.items()} | {
        f"{name}_frame": round(value * OFFICIAL_FPS) for name, value in names.items()
    }


def _noun(look: Look) -> str:
    return f"{look.colour} {look.texture} {look.shape}"

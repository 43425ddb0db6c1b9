"""What Ego4D's miniatures share: ids, long clips cut from a day, and the head of an official file."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.layout import MiniClip
from internvideo_pl.data.mini.render import render
from internvideo_pl.data.mini.world import Film, Look, sample_film

FPS = 30
RELEASE = "v1"
Acts = Callable[[np.random.Generator, str, int], list[tuple[Look, int, int]]]  # what is seen, its first frame, its end
FILES = {"train": "train", "val": "val", "test": "test_unannotated"}  # split: end of a list's name


def new_id(rng: np.random.Generator) -> str:
    """An id in the form of Ego4D's."""
    return str(uuid.UUID(bytes=rng.bytes(16), version=4))


@dataclass(frozen=True)
class Day:
    """A clip, and where it was cut from."""

    film: Film
    clip_uid: str
    video_uid: str
    start: float  # seconds of the video


def plan_days(seed: int, options: Any, acts: Acts) -> list[MiniClip]:
    """All clips, training first; `acts` chooses what is seen of a clip of a split with so many frames."""
    clips = []
    for number, split in enumerate(FILES):
        for place in range(getattr(options, split)):
            rng = np.random.default_rng((seed, number, place))
            film = sample_film((seed, number, place, 1), split, acts(rng, split, options.frames), options.frames)
            day = Day(film, new_id(rng), new_id(rng), round(float(rng.uniform(0, 900)), 2))
            clips.append(MiniClip(f"{RELEASE}/clips/{day.clip_uid}.mp4", day, split))
    return clips


def draw(clip: MiniClip, options: Any) -> Any:
    """The frames of a clip, uint8 (T, S, S, 3)."""
    return render(clip.scene.film, options.size)


def write_list(folder: Path, stem: str, split: str, **content: Any) -> None:
    """Writes `v1/annotations/<stem>_<split>.json`, with the five keys that come first in all official lists."""
    head = {
        "version": "v1",
        "date": "2022-01-01",
        "description": f"Ego4D {stem}, generated miniature",
        "manifest": "s3://example/manifest.csv",
        "split": split,
    }
    path = folder / RELEASE / "annotations" / f"{stem}_{FILES[split]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**head, **content}), encoding="utf-8")

"""Miniatures of long videos: in one place, warm things come and go, each an action; cool ones are background.

A class is the warm thing's colour and motion. All four layouts share these films; they differ in what a video holds.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.data.mini.world import COOL, WARM, Film, Look, sample_film, sample_look

MOTIONS = ("left", "right")
ACTION, PAUSE, DISTRACTION = (12, 32), (6, 16), 0.6  # frames, frames, share of pauses in which a cool thing passes
LEAST = 6  # frames of an action that has begun when the video ends

Act = tuple[Look, int, int]  # what is shown, its first frame, the one after its last


@dataclass(frozen=True, kw_only=True)
class UntrimmedMini(MiniOptions):
    """Sizes and choices of the miniature.

    Attributes:
        frames: Of the longest video; the shortest has two thirds of that.
        train: Training videos.
        val: Videos that are tested on.
        mixed: Whether a video shows actions of several classes.
        overlap: Share of actions that begin before the one before has ended.
    """

    frames: int = 120
    train: int = 48
    val: int = 24
    mixed: bool = True
    overlap: float = 0.0


def title(look: Look) -> str:
    """Name of an action's class: "Red shape moving left"."""
    return f"{look.colour.capitalize()} shape moving {look.motion}"


CLASSES = tuple(f"{colour.capitalize()} shape moving {motion}" for colour, motion in product(WARM, MOTIONS))


def films(seed: int, options: Any, paths: dict[str, list[str]]) -> list[MiniClip]:
    """All videos.

    Args:
        seed: Of the miniature.
        options: An `UntrimmedMini`.
        paths: Where the videos of "train" and "val" go, one for each.
    """
    clips = []
    for number, (split, names) in enumerate(paths.items()):
        for index, path in enumerate(names):
            key = (seed, number, index)
            rng = np.random.default_rng((*key, 0))
            acts, frames = _acts(rng, split, index, options)
            clips.append(MiniClip(path, sample_film(key, split, acts, frames), split))
    return clips


def instances(film: Film) -> list[tuple[str, float, float]]:
    """Class, start and end in seconds of every action of a film, in order of time."""
    acts = zip(film.looks, film.shown, strict=True)
    found = [(title(look), start / FPS, end / FPS) for look, (start, end) in acts if look.colour in WARM]
    return sorted(found, key=lambda each: each[1:])


def seconds(film: Film) -> float:
    """Length of a film."""
    return film.frames / FPS


def _acts(rng: np.random.Generator, split: str, index: int, options: UntrimmedMini) -> tuple[list[Act], int]:
    """What a video shows; classes come in turn, so that each is as frequent."""
    frames = int(rng.integers(options.frames * 2 // 3, options.frames + 1))
    kinds = list(product(WARM, MOTIONS))
    acts: list[Act] = []
    at, number = int(rng.integers(2, PAUSE[1])), index
    while at < frames - LEAST:
        colour, motion = kinds[number % len(kinds)]
        look = sample_look(rng, split, colour=[colour], motion=[motion])
        end = min(at + int(rng.integers(*ACTION)), frames)
        acts.append((look, at, end))
        if options.mixed:
            number = int(rng.integers(len(kinds)))
        if rng.random() < options.overlap:
            at = max(at + LEAST, end - int(rng.integers(*PAUSE)))
            continue
        at = end + int(rng.integers(*PAUSE))
        if rng.random() < DISTRACTION and end < frames - 1:
            acts.append((sample_look(rng, split, colour=COOL), end, min(at, frames)))
    return acts, frames

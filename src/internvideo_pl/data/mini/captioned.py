"""What the miniatures of text-video sets share: their videos, training at random, the test's all distinct."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.data.mini.msrvtt import EVALUATION, distinct_looks, free_looks
from internvideo_pl.data.mini.world import sample_scene

Naming = Callable[[np.random.Generator, int], str]  # (random stream, number of the video) -> its path


@dataclass(frozen=True, kw_only=True)
class CaptionedMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training videos.
        val: Validation videos.
        test: Test videos; half of them are twins that differ in one motion or in one attribute.
        duet: Share of videos with a second thing.
    """

    train: int = 600
    val: int = 20
    test: int = 120
    duet: float = 0.7


def plan(seed: int, options: CaptionedMini, name: Naming) -> list[MiniClip]:
    """All videos: training, validation, test."""
    rng = np.random.default_rng((seed, 0))
    shown = [
        (split, free_looks(rng, "train", i, options.duet)) for split in ("train", "val") for i in _of(split, options)
    ]
    shown += [("test", looks) for looks in distinct_looks(rng, options.test, options.duet)]
    clips: dict[str, MiniClip] = {}
    for number, (split, looks) in enumerate(shown):
        own = np.random.default_rng((seed, 1, number))
        scene = sample_scene((seed, 2, number), EVALUATION if split == "test" else "train", looks)
        path = name(own, number)
        assert path not in clips, f"two videos are called {path}"
        clips[path] = MiniClip(path, scene, split)
    return list(clips.values())


def _of(split: str, options: CaptionedMini) -> range:
    return range(getattr(options, split))


def of_split(clips: list[MiniClip], split: str) -> list[MiniClip]:
    """The videos of a split, in their order."""
    return [clip for clip in clips if clip.split == split]

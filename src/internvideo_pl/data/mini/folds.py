"""Scenes of a miniature with three splits of the same clips, as HMDB51 and UCF101 have them.

Clips fall into four parts, whose looks and backgrounds have nothing in common: one part for the test of each split, and
one that is always trained on. A split trains on all parts but its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from internvideo_pl.data.mini.layout import MiniOptions
from internvideo_pl.data.mini.world import Scene, sample_look, sample_scene

ALWAYS = "always"
FOLDS = (1, 2, 3)
PARTS = (ALWAYS, *(f"fold_{fold}" for fold in FOLDS))


@dataclass(frozen=True, kw_only=True)
class FoldsMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Clips of each class that every split trains on.
        test: Clips of each class that one split tests on; the other two train on them.
    """

    train: int = 40
    test: int = 16


@dataclass(frozen=True)
class FoldClip:
    """A clip's part, its class's number, its own number in the class, and what it shows."""

    part: str
    label: int
    number: int
    scene: Scene


def plan_folds(seed: int, options: FoldsMini, classes: Sequence[tuple[str, str]], stream: int) -> Iterator[FoldClip]:
    """All clips, the classes of a part in turn.

    Args:
        seed: Of the miniature.
        options: Sizes.
        classes: Colour and texture of each.
        stream: Tells the scenes of one dataset from those of another.
    """
    first = 0
    for place, part in enumerate(PARTS):
        count = options.train if part == ALWAYS else options.test
        for index in range(count * len(classes)):
            colour, texture = classes[index % len(classes)]
            key = (seed, stream, place, index)
            look = sample_look(np.random.default_rng((*key, 0)), part, colour=[colour], texture=[texture])
            number = first + index // len(classes)
            yield FoldClip(part, index % len(classes), number, sample_scene(key, part, (look,)))
        first += count

"""What a miniature clip shows: one or two textured things that drift over a textured background.

A thing is a shape x texture x colour x motion. The first thing of a scene is the KEY: its colour is warm; a second
thing, where there is one, has a cool colour and another motion, so whoever wants the key's motion must bind it to its
colour. The stage is a torus: things start anywhere and wrap round, so no single frame tells a motion from its reverse.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

RGB = tuple[float, float, float]

WARM: dict[str, RGB] = {"red": (0.88, 0.16, 0.14), "yellow": (0.96, 0.82, 0.16), "purple": (0.62, 0.20, 0.78)}
COOL: dict[str, RGB] = {"green": (0.16, 0.66, 0.26), "blue": (0.16, 0.36, 0.94), "white": (0.94, 0.94, 0.94)}
COLOURS = WARM | COOL
SHAPES = ("disc", "square", "triangle", "cross", "ring")
TEXTURES = ("plain", "striped", "checked", "dotted")
MOTIONS: dict[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
}  # x right, y down
WORDS: dict[str, Iterable[str]] = {"shape": SHAPES, "texture": TEXTURES, "colour": COLOURS, "motion": MOTIONS}

# Every thing (shape, texture, colour, motion) falls into one of five groups; each split draws from its own groups only,
# so that no combination of the evaluation was ever seen in training.
GROUPS = 5
SPLIT_GROUPS: dict[str, tuple[int, ...]] = {
    **{"train": (0, 1, 2), "val": (3,), "test": (4,), "held_out": (3, 4)},
    **{"always": (0, 1), "fold_1": (2,), "fold_2": (3,), "fold_3": (4,)},  # parts of datasets with three splits
}
# Background families (exponent, grain direction, tint) of each split: disjoint as well.
SPLIT_FAMILIES: dict[str, range] = {
    "train": range(12),
    "val": range(12, 16),
    "test": range(16, 20),
    "held_out": range(12, 20),
    "always": range(8),
    "fold_1": range(8, 12),
    "fold_2": range(12, 16),
    "fold_3": range(16, 20),
}

SPEED = (0.052, 0.085)  # frame sides per frame
RADIUS = (0.20, 0.25)  # frame sides
SPIN = 0.05  # largest turn, radians per frame
COLOUR_JITTER = 0.06
PAN = 0.012  # largest camera speed, frame sides per frame


@dataclass(frozen=True)
class Look:
    """The part of a thing that words can say: a key of `SHAPES`, `TEXTURES`, `COLOURS` and `MOTIONS` each."""

    shape: str
    texture: str
    colour: str
    motion: str

    @property
    def group(self) -> int:
        """Which of the `GROUPS` this combination belongs to; every attribute is spread over all of them."""
        palette = WARM if self.colour in WARM else COOL
        kind = list(palette).index(self.colour) * len(MOTIONS) + list(MOTIONS).index(self.motion)
        return (SHAPES.index(self.shape) + 2 * TEXTURES.index(self.texture) + kind) % GROUPS


@dataclass(frozen=True)
class Thing:
    """A look and its nuisances; lengths in frame sides, angles in radians, times in frames."""

    look: Look
    rgb: RGB
    centre: tuple[float, float]  # (x, y) in the first frame, anywhere on the torus
    radius: float
    speed: float
    angle: float
    spin: float
    cells: float  # periods of the texture per radius
    phase: tuple[float, float]


@dataclass(frozen=True)
class Scene:
    """Everything that decides the pixels of a clip; `things[0]` is the key."""

    things: tuple[Thing, ...]
    order: tuple[int, ...]  # painting order, the last is on top
    family: int  # background family, see SPLIT_FAMILIES
    pan: tuple[float, float]  # camera motion, frame sides per frame
    seed: tuple[int, ...]  # of the background, the jitter and the sensor noise

    @property
    def looks(self) -> tuple[Look, ...]:
        """What words can say about the scene, the key first."""
        return tuple(thing.look for thing in self.things)


@dataclass(frozen=True)
class Film(Scene):
    """A longer clip, in which every thing is shown for a while.

    Attributes:
        shown: First frame of each thing, and the one after its last.
        frames: Of the whole.
    """

    shown: tuple[tuple[int, int], ...] = ()
    frames: int = 0


def sample_look(rng: np.random.Generator, split: str, **words: Iterable[str]) -> Look:
    """A random look among the combinations that `split` may show.

    Args:
        rng: Random stream.
        split: A key of `SPLIT_GROUPS`.
        words: For an attribute of the look, the words that it may have; all there are if it is not named.
    """
    while True:
        chosen = {attribute: str(rng.choice(list(words.get(attribute, every)))) for attribute, every in WORDS.items()}
        look = Look(**chosen)
        if look.group in SPLIT_GROUPS[split]:
            return look


def sample_other(rng: np.random.Generator, split: str, key: Look) -> Look:
    """The second thing of a duet: a cool colour, and shape, texture and motion all different from the key's."""
    words = {name: [word for word in every if word != getattr(key, name)] for name, every in WORDS.items()}
    return sample_look(rng, split, **words | {"colour": COOL})


def sample_scene(seed: tuple[int, ...], split: str, looks: tuple[Look, ...]) -> Scene:
    """Draws every nuisance of a clip that shows `looks`; the same seed gives the same scene."""
    rng = np.random.default_rng(seed)
    families = SPLIT_FAMILIES[split]
    return Scene(
        things=tuple(_sample_thing(rng, look) for look in looks),
        order=tuple(int(i) for i in rng.permutation(len(looks))),
        family=int(rng.integers(families.start, families.stop)),
        pan=(float(rng.uniform(-PAN, PAN)), float(rng.uniform(-PAN, PAN))),
        seed=seed,
    )


def sample_film(seed: tuple[int, ...], split: str, acts: Sequence[tuple[Look, int, int]], frames: int) -> Film:
    """A film of things in one place.

    Args:
        seed: The same seed gives the same film.
        split: A key of `SPLIT_FAMILIES`.
        acts: What is shown, its first frame, and the one after its last.
        frames: Of the whole.
    """
    scene = sample_scene(seed, split, tuple(look for look, _, _ in acts))
    return Film(**vars(scene), shown=tuple((start, end) for _, start, end in acts), frames=frames)


def _sample_thing(rng: np.random.Generator, look: Look) -> Thing:
    red, green, blue = (
        float(np.clip(c + rng.uniform(-COLOUR_JITTER, COLOUR_JITTER), 0.0, 1.0)) for c in COLOURS[look.colour]
    )
    return Thing(
        look=look,
        rgb=(red, green, blue),
        centre=(float(rng.uniform()), float(rng.uniform())),
        radius=float(rng.uniform(*RADIUS)),
        speed=float(rng.uniform(*SPEED)),
        angle=float(rng.uniform(0, 2 * np.pi)),
        spin=float(rng.uniform(-SPIN, SPIN)),
        cells=float(rng.uniform(1.0, 1.4)),
        phase=(float(rng.uniform()), float(rng.uniform())),
    )

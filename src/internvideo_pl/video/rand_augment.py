"""RandAugment (arXiv 1909.13719) in timm's words, such as `rand-m7-n4-mstd0.5-inc1`: which operations, how strong."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from internvideo_pl.errors import UserError, hint

Step = tuple[str, float]  # an operation's name and its amount

TOP_LEVEL = 10  # magnitudes count from 0 to here
# Amounts at the top level, of timm's "increasing" set, in which more is always stronger.
DEGREES, SHEAR, SHIFT, BLEND, BITS, SOLARIZED, ADDED = 30.0, 0.3, 0.45, 0.9, 4, 256, 110


def _signed(top: float) -> Callable[[float, int], float]:
    return lambda strength, sign: sign * strength * top


def _factor(strength: float, sign: int) -> float:
    return 1 + sign * strength * BLEND


def _nothing(strength: float, sign: int) -> float:
    return 0.0


# operation -> (strength 0 to 1, sign -1 or 1) -> its amount
AMOUNTS: dict[str, Callable[[float, int], float]] = {
    "AutoContrast": _nothing,
    "Equalize": _nothing,
    "Invert": _nothing,
    "Rotate": _signed(DEGREES),
    "Posterize": lambda strength, _: BITS - int(strength * BITS),
    "Solarize": lambda strength, _: SOLARIZED - int(strength * SOLARIZED),
    "SolarizeAdd": lambda strength, _: int(strength * ADDED),
    "Color": _factor,
    "Contrast": _factor,
    "Brightness": _factor,
    "Sharpness": _factor,
    "ShearX": _signed(SHEAR),
    "ShearY": _signed(SHEAR),
    "TranslateX": _signed(SHIFT),
    "TranslateY": _signed(SHIFT),
}


@dataclass(frozen=True)
class RandAugment:
    """Operations drawn at random, each with a noisy magnitude; the defaults are timm's.

    Attributes:
        magnitude: mean strength, 0 to 10.
        num_ops: operations drawn for a clip, with replacement.
        magnitude_std: standard deviation of each one's strength.
        probability: of each drawn operation to be carried out.
    """

    magnitude: float = TOP_LEVEL
    num_ops: int = 2
    magnitude_std: float = 0.0
    probability: float = 0.5

    def draw(self, generator: np.random.Generator) -> list[Step]:
        """The steps for one clip, in order."""
        names = generator.choice(list(AMOUNTS), size=self.num_ops)
        levels = generator.normal(self.magnitude, self.magnitude_std, self.num_ops).clip(0, TOP_LEVEL)
        signs = generator.choice([-1, 1], size=self.num_ops)
        done = generator.random(self.num_ops) < self.probability
        drawn = zip(names.tolist(), (levels / TOP_LEVEL).tolist(), signs.tolist(), done.tolist(), strict=True)
        return [(name, AMOUNTS[name](strength, sign)) for name, strength, sign, chosen in drawn if chosen]


# timm's letters -> (field, smallest, largest)
WORDS = {
    "m": ("magnitude", 0, TOP_LEVEL),
    "n": ("num_ops", 1, 100),
    "mstd": ("magnitude_std", 0, TOP_LEVEL),
    "p": ("probability", 0, 1),
    "inc": ("", 1, 1),
}


def parse_rand_augment(text: str) -> RandAugment:
    """Reads timm's words: `m` magnitude, `n` operations, `mstd` its deviation, `p` probability, `inc1`.

    Without `inc1`, timm means a set of operations some of which get weaker with the magnitude: no recipe here uses it,
    so that it must be written.

    Raises:
        UserError: A word is unknown, or a value is out of range.
    """
    kind, *words = text.split("-")
    example = "write it as in 'rand-m7-n4-mstd0.5-inc1'"
    if kind != "rand":
        raise UserError(f"RandAugment {text!r} must begin with 'rand': {example}")
    values: dict[str, float] = {}
    for word in words:
        found = re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)", word)
        if found is None or found[1] not in WORDS:
            raise UserError(f"RandAugment {text!r} has an unknown part {word!r}: {example}." + hint(word, WORDS))
        values[found[1]] = float(found[2])
        _, smallest, largest = WORDS[found[1]]
        if not smallest <= values[found[1]] <= largest:
            raise UserError(f"RandAugment {text!r}: {found[1]} must be from {smallest} to {largest}, got {found[2]}")
    if "inc" not in values:
        raise UserError(f"RandAugment {text!r} must end with '-inc1': only the increasing set of operations is here")
    fields = {WORDS[letter][0]: value for letter, value in values.items() if letter != "inc"}
    return RandAugment(**fields | {"num_ops": int(fields.get("num_ops", RandAugment.num_ops))})  # type: ignore[arg-type]

"""Scene -> English sentences: what the things are and where they go, in several wordings.

No sentence is longer than 30 tokens of the tiny text tower's byte-pair vocabulary, so its 32 places cut nothing off.
That is why sentences about two things use short verbs and leave the second verb out.
"""

import numpy as np

from internvideo_pl.data.mini.world import Look

VERBS = ("moves", "goes")
DIRECTIONS = {"left": ("left", "to the left"), "right": ("right", "to the right"), "up": ("up",), "down": ("down",)}
LONG_VERBS = ("drifts", "slides", "glides", "floats", "sails", "travels", "wanders")  # where there is one thing only
LONE_VERBS = (*VERBS, "moving", "going", *LONG_VERBS)
VERTICAL = {"up": ("rises", "climbs"), "down": ("sinks", "falls")}


def title(look: Look, appearance: str) -> str:
    """Name of a class, from the attribute and the motion that define it: "red shape moving left"."""
    return f"{getattr(look, appearance)} shape moving {look.motion}"


def caption(looks: tuple[Look, ...]) -> str:
    """The one canonical sentence that says everything about every thing, the key first."""
    said = f"{_noun(looks[0])} moves {looks[0].motion}"
    return " and ".join([said, *(f"{_noun(look)} {look.motion}" for look in looks[1:])])


def paraphrases(rng: np.random.Generator, looks: tuple[Look, ...], count: int) -> list[str]:
    """`count` sentences: all but the last say everything, the last only the key's motion and its colour or texture."""
    whole = _about_one if len(looks) == 1 else _about_two
    sentences = [whole(rng, looks) for _ in range(count - 1)]
    return [*sentences, f"a {title(looks[0], str(rng.choice(['colour', 'texture'])))}"]


def paragraph(rng: np.random.Generator, looks: tuple[Look, ...]) -> list[str]:
    """Sentences that say everything together: one for each thing, or what the only thing is and where it goes."""
    if len(looks) == 1:
        motion = looks[0].motion
        return [_noun(looks[0]), f"it {rng.choice((*VERBS, *LONG_VERBS))} {rng.choice(DIRECTIONS[motion])}"]
    return [f"{_noun(look)} {look.motion}" for look in looks]


def _about_one(rng: np.random.Generator, looks: tuple[Look, ...]) -> str:
    noun, motion = _noun(looks[0]), looks[0].motion
    if motion in VERTICAL and rng.random() < 0.3:
        return f"{noun} {rng.choice(VERTICAL[motion])}"
    return f"{noun} {rng.choice(LONE_VERBS)} {rng.choice(DIRECTIONS[motion])}"


def _about_two(rng: np.random.Generator, looks: tuple[Look, ...]) -> str:
    a, b = (looks[i] for i in rng.permutation(2))
    verb, joint = rng.choice(VERBS), rng.choice(["and", "as"])
    wordings = (
        f"{_noun(a)} {verb} {a.motion} {joint} {_noun(b)} {b.motion}",
        f"{_noun(a)} {a.motion}, {_noun(b)} {b.motion}",
        f"{a.motion} goes {_noun(a)} and {b.motion} {_noun(b)}",
    )
    return wordings[int(rng.integers(len(wordings)))]


def _noun(look: Look) -> str:
    return f"a {look.colour} {look.texture} {look.shape}"

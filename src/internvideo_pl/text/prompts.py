"""Sentences made of class names, for zero-shot classification."""

import re
from collections.abc import Sequence

# The sixteen templates of ActionCLIP (arXiv 2109.08472), with which the paper's zero-shot Kinetics-400 was measured.
ACTION_TEMPLATES = (
    "a photo of action {}",
    "a picture of action {}",
    "Human action of {}",
    "{}, an action",
    "{} this is an action",
    "{}, a video of action",
    "Playing action of {}",
    "{}",
    "Playing a kind of action, {}",
    "Doing a kind of action, {}",
    "Look, the human is {}",
    "Can you recognize the action of {}?",
    "Video classification of {}",
    "A video of {}",
    "The man is {}",
    "The woman is {}",
)

_JOINTS = re.compile(r"[_+]+")  # between the words of HMDB51's and Moments in Time's names
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # and of UCF101's


def readable(name: str) -> str:
    """A class name as words: "brush_hair", "ApplyEyeMakeup", "Pushing [something]" without what is no English.

    Names that are words already, such as all of Kinetics and ActivityNet, stay as they are.
    """
    words = _JOINTS.sub(" ", name).replace("[", "").replace("]", "").strip()
    return words if " " in words else _HUMP.sub(" ", words)


def fill_templates(names: Sequence[str], templates: Sequence[str] = ACTION_TEMPLATES) -> list[list[str]]:
    """Every class name in every template.

    Returns:
        One list per template (so that probabilities can be averaged over templates), each in the order of `names`.
    """
    return [[template.replace("{}", name) for name in names] for template in templates]

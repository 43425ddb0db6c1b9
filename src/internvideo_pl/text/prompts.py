"""Sentences made of class names, for zero-shot classification."""

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


def fill_templates(names: Sequence[str], templates: Sequence[str] = ACTION_TEMPLATES) -> list[list[str]]:
    """Every class name in every template.

    Returns:
        One list per template (so that probabilities can be averaged over templates), each in the order of `names`.
    """
    return [[template.replace("{}", name) for name in names] for template in templates]

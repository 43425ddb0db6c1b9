"""Miniatures of open-set recognition: those of a known and of an unknown dataset in one folder, each as it is alone.

What the known dataset shows is warm in colour, what the unknown ones show is cool.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from internvideo_pl.data.mini import hmdb51, moments, ucf101
from internvideo_pl.data.mini.folds import FoldsMini
from internvideo_pl.data.mini.layout import Layout, MiniClip, MiniOptions

UNKNOWN = {"hmdb51": hmdb51.LAYOUT, "mitv2": moments.LAYOUT}


@dataclass(frozen=True, kw_only=True)
class OpenSetMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Known clips of each class that every split trains on.
        test: Known clips of each class that a split tests on.
        unknown: Unknown clips of each class that are tested.
    """

    train: int = 40
    test: int = 16
    unknown: int = 12


def _known_options(options: OpenSetMini) -> FoldsMini:
    return FoldsMini(size=options.size, frames=options.frames, train=options.train, test=options.test)


def _unknown_options(name: str, options: OpenSetMini) -> MiniOptions:
    """Only what is tested is needed; readers want the other lists to be there."""
    if name == "hmdb51":
        return FoldsMini(size=options.size, frames=options.frames, train=1, test=options.unknown)
    return moments.MomentsMini(size=options.size, frames=options.frames, train=1, val=options.unknown)


def plan(seed: int, options: OpenSetMini, unknown: str) -> list[MiniClip]:
    """All clips of both."""
    known = ucf101.plan(seed, _known_options(options))
    others = UNKNOWN[unknown].plan(seed, _unknown_options(unknown, options))
    return [*_moved(known, "ucf101"), *_moved(others, unknown)]


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: OpenSetMini, unknown: str) -> None:
    """Writes the annotation files of both."""
    parts: list[tuple[str, Callable[..., None], MiniOptions]] = [
        ("ucf101", ucf101.annotate, _known_options(options)),
        (unknown, UNKNOWN[unknown].annotate, _unknown_options(unknown, options)),
    ]
    for name, write, chosen in parts:
        own = [replace(c, path=c.path.removeprefix(f"{name}/")) for c in clips if c.path.startswith(f"{name}/")]
        write(folder / name, own, seed, chosen)


def _moved(clips: list[MiniClip], folder: str) -> list[MiniClip]:
    return [replace(clip, path=f"{folder}/{clip.path}") for clip in clips]


def layout(unknown: str) -> Layout:
    """The layout of UCF101 beside "hmdb51" or "mitv2"."""
    return Layout(OpenSetMini, partial(plan, unknown=unknown), partial(annotate, unknown=unknown))

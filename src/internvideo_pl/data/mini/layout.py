"""What a layout is: the clips of a miniature and the annotation files that go with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from internvideo_pl.data.mini.world import Scene


@dataclass(frozen=True)
class MiniClip:
    """One video file of a miniature.

    Attributes:
        path: Where the file stands, relative to the miniature's folder, with forward slashes.
        scene: What it shows.
        split: The split that it belongs to.
    """

    path: str
    scene: Scene
    split: str


@dataclass(frozen=True)
class Layout:
    """How one benchmark's miniature is made.

    Attributes:
        options: Dataclass of its sizes and choices; every field has a default.
        plan: (seed, options) -> all clips, in a fixed order. Pure: each worker process calls it again.
        annotate: (folder, clips, seed, options) -> writes the official annotation files.
    """

    options: type
    plan: Callable[[int, Any], list[MiniClip]]
    annotate: Callable[[Path, list[MiniClip], int, Any], None]


def interleaved(index: int, share: float) -> bool:
    """Whether the `index`-th of a list belongs to an evenly spread `share` of it: exact, not drawn."""
    return int((index + 1) * share) > int(index * share)

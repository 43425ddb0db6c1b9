"""What a layout is: the clips of a miniature and the annotation files that go with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.render import render
from internvideo_pl.errors import UserError


@dataclass(frozen=True)
class MiniClip:
    """One video file of a miniature.

    Attributes:
        path: Where the file stands, relative to the miniature's folder, with forward slashes.
        scene: What it shows: a `Scene`, or whatever the layout's `draw` takes.
        split: The split that it belongs to.
    """

    path: str
    scene: Any
    split: str


@dataclass(frozen=True, kw_only=True)
class MiniOptions:
    """What every layout lets one choose.

    Attributes:
        size: Side of the frames in pixels.
        frames: Frames of a clip.
    """

    size: int = 64
    frames: int = 12

    def __post_init__(self) -> None:
        """Refuses what cannot be encoded.

        Raises:
            UserError: `size` is not a multiple of 4, or there are no frames.
        """
        if self.size < 4 or self.size % 4 or self.frames < 1:
            raise UserError(f"a miniature needs size, a multiple of 4, and frames: not {self.size} and {self.frames}")


def draw_scene(clip: MiniClip, options: MiniOptions) -> NDArray[np.uint8]:
    """The frames of a clip that shows a `Scene`, uint8 (T, S, S, 3)."""
    return render(clip.scene, options.size, options.frames)


@dataclass(frozen=True)
class Layout:
    """How one benchmark's miniature is made.

    Attributes:
        options: Its subclass of `MiniOptions`; every field has a default.
        plan: (seed, options) -> all clips, in a fixed order. Pure: each worker process calls it again.
        annotate: (folder, clips, seed, options) -> writes the official annotation files.
        finish: (folder) -> what is left to do once all clips are written, such as packing them; None for nothing.
        draw: (clip, options) -> its RGB frames, uint8 (T, H, W, 3). Pure.
        fps: Frames a second of its files.
    """

    options: type[MiniOptions]
    plan: Callable[[int, Any], list[MiniClip]]
    annotate: Callable[[Path, list[MiniClip], int, Any], None]
    finish: Callable[[Path], None] | None = None
    draw: Callable[[MiniClip, Any], NDArray[np.uint8]] = draw_scene
    fps: int = FPS


def interleaved(index: int, share: float) -> bool:
    """Whether the `index`-th of a list belongs to an evenly spread `share` of it: exact, not drawn."""
    return int((index + 1) * share) > int(index * share)

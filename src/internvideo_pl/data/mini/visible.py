"""Boxes around what can be seen of a scene's things in one frame.

The stage is a torus: a thing that crosses a border shows one part here and one there, each with a box of its own. A
part counts where enough of the thing is seen, beside whatever lies on top of it.

Legend: S side in pixels.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.mini.render import camera_of, paint, positions
from internvideo_pl.data.mini.world import Scene

SEEN = 0.3  # share of a thing's pixels that a part must show


@dataclass(frozen=True)
class Part:
    """A visible part of a thing.

    Attributes:
        thing: Its number in the scene.
        box: x1, y1, x2, y2 as shares of the frame.
    """

    thing: int
    box: tuple[float, float, float, float]


def visible_parts(scene: Scene, size: int, frames: int, frame: int) -> list[Part]:
    """The parts that are seen in a frame of a clip, in the order of their things.

    Args:
        scene: What the clip shows.
        size: S.
        frames: Frames of the whole clip.
        frame: Number of the frame.
    """
    camera = camera_of(np.random.default_rng((*scene.seed, 1)), scene, frames)[frame]  # (2,)
    masks: dict[int, NDArray[np.bool_]] = {}
    for index in scene.order:  # the last is on top
        thing = scene.things[index]
        place = positions(thing, frame + 1)[frame]
        now = replace(thing, centre=(float(place[0]), float(place[1])), angle=thing.angle + thing.spin * frame)
        mask = paint(now, camera[None], size)[0][0] > 0.5
        masks = {below: seen & ~mask for below, seen in masks.items()} | {index: mask}
    whole = {index: _pixels(scene, index, size) for index in masks}
    parts = []
    for index in sorted(masks):
        centre = positions(scene.things[index], frame + 1)[frame] + camera
        for box, share in _boxes(masks[index], centre, whole[index]):
            if share >= SEEN:
                parts.append(Part(index, box))
    return parts


def _pixels(scene: Scene, index: int, size: int) -> float:
    """Pixels of a thing that nothing covers and no border cuts."""
    middle = replace(scene.things[index], centre=(0.5, 0.5))
    return float((paint(middle, np.zeros((1, 2)), size)[0] > 0.5).sum())


def _boxes(
    mask: NDArray[np.bool_], centre: NDArray[np.float64], whole: float
) -> list[tuple[tuple[float, float, float, float], float]]:
    """Box and share of the thing of each copy of it on the torus that is seen at all."""
    size = len(mask)
    rows, columns = np.nonzero(mask)
    copy_x, copy_y = (np.floor((at + 0.5) / size - c + 0.5) for at, c in ((columns, centre[0]), (rows, centre[1])))
    found = []
    for x, y in sorted(set(zip(copy_x, copy_y, strict=True))):
        own = (copy_x == x) & (copy_y == y)
        left, right, top, bottom = columns[own].min(), columns[own].max(), rows[own].min(), rows[own].max()
        box = (left / size, top / size, (right + 1) / size, (bottom + 1) / size)
        found.append(((float(box[0]), float(box[1]), float(box[2]), float(box[3])), own.sum() / whole))
    return found

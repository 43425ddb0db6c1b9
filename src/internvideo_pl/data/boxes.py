"""Boxes as shares of a frame, and what becomes of them when the frame is cropped or mirrored.

Shapes: G boxes. A box is x1, y1, x2, y2 from 0 to 1, from the left and from the top.
"""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # (G, 4)


def clipped(boxes: Boxes) -> Boxes:
    """Boxes cut off at the frame's borders; one that lies outside has no area then."""
    return boxes.clip(0, 1)


def has_area(boxes: Boxes) -> NDArray[np.bool_]:
    """Which boxes have any area, (G,)."""
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def cropped(boxes: Boxes, window: tuple[float, float, float, float]) -> Boxes:
    """Boxes as shares of a window x1, y1, x2, y2 of the frame; they may leave it."""
    low, high = np.array(window[:2]), np.array(window[2:])
    return ((boxes.reshape(-1, 2, 2) - low) / (high - low)).reshape(-1, 4)


def mirrored(boxes: Boxes) -> Boxes:
    """Boxes of the frame mirrored left to right."""
    left, top, right, bottom = boxes.T
    return np.stack([1 - right, top, 1 - left, bottom], axis=1)


def grown(boxes: Boxes, share: tuple[float, float]) -> Boxes:
    """Boxes wider and higher by these shares of their own width and height, about their middle."""
    pad = (boxes[:, 2:] - boxes[:, :2]) * np.array(share) / 2
    return np.concatenate([boxes[:, :2] - pad, boxes[:, 2:] + pad], axis=1)


def jittered(boxes: Boxes, amount: tuple[float, float, float, float], generator: np.random.Generator) -> Boxes:
    """Every side of every box moved by itself.

    Args:
        boxes: (G, 4).
        amount: How far the left and right sides move outwards and inwards at most, as shares of the box's width, then
            the upper and lower ones, as shares of its height.
        generator: Draws evenly.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    out, inward = np.array([amount[0], amount[2]]), np.array([amount[1], amount[3]])
    low = boxes[:, :2] + size * generator.uniform(-out, inward, size.shape)
    high = boxes[:, 2:] + size * generator.uniform(-inward, out, size.shape)
    return np.concatenate([low, high], axis=1)


def overlaps(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union of each of a (G, 4) with each of b (H, 4), (G, H); 0 where neither has an area."""
    low, high = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    common = np.clip(high - low, 0, None).prod(2)
    union = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)

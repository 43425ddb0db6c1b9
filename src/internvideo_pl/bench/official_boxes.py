"""AVA's frame mAP the way the official evaluator goes: key frame by key frame, and in each class by class.

Shapes: P detections and G true boxes of a key frame.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Found = tuple[Floats, Floats, Ints]  # boxes (P, 4), scores (P,), action ids (P,)
Truth = tuple[Floats, Ints]  # boxes (G, 4), action ids (G,)
LEAST = 0.5


def frame_map(found: Sequence[Found], truth: Sequence[Truth], classes: Sequence[int], cap: int = 50) -> float:
    """Mean average precision in percent over the classes that have a true box.

    Args:
        found: Detections of every key frame.
        truth: The true boxes of every key frame, one row a box and action.
        classes: Ids that are scored.
        cap: Surest detections of a key frame that count.
    """
    scores: dict[int, list[Floats]] = {which: [] for which in classes}
    right: dict[int, list[NDArray[np.bool_]]] = {which: [] for which in classes}
    total = dict.fromkeys(classes, 0)
    for (boxes, score, label), (true, true_label) in zip(found, truth, strict=True):
        best = np.argsort(-score, kind="stable")[:cap]
        boxes, score, label = boxes[best], score[best], label[best]
        for which in classes:
            mine, wanted = label == which, true_label == which
            total[which] += int(wanted.sum())
            if mine.any():
                scores[which].append(score[mine])
                right[which].append(_hits(boxes[mine], true[wanted]))
    values = [_average_precision(scores[which], right[which], total[which]) for which in classes if total[which]]
    return 100 * sum(values) / len(values)


def _hits(boxes: Floats, true: Floats) -> NDArray[np.bool_]:
    """Which detections, surest first, are the first to find the true box that they overlap most."""
    hit, taken = np.zeros(len(boxes), dtype=bool), np.zeros(len(true), dtype=bool)
    if not len(true):
        return hit
    low, high = np.maximum(boxes[:, None, :2], true[:, :2]), np.minimum(boxes[:, None, 2:], true[:, 2:])
    common = np.clip(high - low, 0, None).prod(2)
    area, true_area = (boxes[:, 2:] - boxes[:, :2]).prod(1), (true[:, 2:] - true[:, :2]).prod(1)
    share = common / (area[:, None] + true_area - common)
    for row, best in enumerate(share.argmax(1)):
        if share[row, best] >= LEAST and not taken[best]:
            hit[row] = taken[best] = True
    return hit


def _average_precision(scores: list[Floats], right: list[NDArray[np.bool_]], total: int) -> float:
    if not scores:
        return 0.0
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hit = np.concatenate(right)[order]
    precision, recall = hit.cumsum() / np.arange(1, len(hit) + 1), hit.cumsum() / total
    for rank in range(len(precision) - 2, -1, -1):
        precision[rank] = max(precision[rank], precision[rank + 1])
    return float((np.diff(recall, prepend=0.0) * precision).sum())

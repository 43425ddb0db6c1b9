"""Average precision: one ranking of right and wrong detections, three official readings of its curve.

Shape legend: P detections in falling order of score, R rankings of them (one an overlap threshold).
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rule = Literal["interpolated", "eleven_point", "at_hits"]


def average_precision(
    hit: NDArray[np.bool_], positives: int, rule: Rule = "interpolated", counted: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Average precision of each ranking.

    Args:
        hit: (R, P), whether the detection is right at that threshold.
        positives: Number of true instances.
        rule: "interpolated": precision made to fall only, times the gain in recall (ActivityNet, AVA, Pascal VOC 2010);
            "eleven_point": mean of the best precision at recall 0, 0.1 ... 1 or more (Pascal VOC 2007, THUMOS14's first
            release); "at_hits": sum of the precision at every hit over the instances (THUMOS14's later release).
        counted: (R, P), which detections count at all; those that only an ambiguous instance explains do not. All do by
            default.

    Returns:
        (R,); NaN without an instance, 0 without a detection.
    """
    if positives == 0:
        return np.full(len(hit), np.nan)
    if hit.shape[1] == 0:
        return np.zeros(len(hit))
    right = hit.cumsum(1)
    ranked = right + ((~hit) if counted is None else (~hit & counted)).cumsum(1)
    precision, recall = right / np.maximum(ranked, 1), right / positives
    if rule == "at_hits":
        return (precision * hit).sum(1) / positives
    falling = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]  # the best precision at this recall or more
    if rule == "interpolated":
        gain = np.diff(recall, axis=1, prepend=0.0)
        return (gain * falling).sum(1)
    points = np.arange(11) / 10
    best = [[_best_from(falling[r], recall[r], point) for point in points] for r in range(len(hit))]
    return np.asarray(best).mean(1)


def _best_from(falling: NDArray[np.float64], recall: NDArray[np.float64], point: float) -> float:
    """The best precision where recall is `point` or more; 0 where it never is."""
    first = int(np.searchsorted(recall, point))
    return float(falling[first]) if first < len(recall) else 0.0

"""Figures of one score that should be high for positives, by the definitions of scikit-learn, with ties as one step.

Shape legend: V videos, P distinct scores.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def counts_by_threshold(score: Array, positive: Mask) -> tuple[Array, Array]:
    """False and true positives (P,) when everything with a score of at least each distinct one, downwards, is taken."""
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], positive[order]
    last = np.r_[np.flatnonzero(np.diff(ranked)), len(ranked) - 1]  # of each group of equal scores
    true = np.cumsum(hits, dtype=np.float64)[last]
    return 1.0 + last - true, true


def area_under_roc(score: Array, positive: Mask) -> float:
    """Share of pairs of a positive and a negative in which the positive scores higher; ties count half."""
    false, true = counts_by_threshold(score, positive)
    return _area(np.r_[0.0, false / false[-1]], np.r_[0.0, true / true[-1]])


def area_under_precision_recall(score: Array, positive: Mask) -> float:
    """Area under the line through the points (recall, precision), which begins at (0, 1), as DEAR's code takes it."""
    false, true = counts_by_threshold(score, positive)
    precision, recall = true / (true + false), true / true[-1]
    return _area(np.r_[0.0, recall], np.r_[1.0, precision])


def _area(x: Array, y: Array) -> float:
    """Area under the straight lines between points."""
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2)


def false_positives_at(score: Array, positive: Mask, rate: float) -> float:
    """Share of negatives taken at the corner of the ROC curve whose share of positives is nearest to `rate`.

    Points in the middle of a straight stretch are no corners (scikit-learn drops them); of equally near ones the first
    counts.
    """
    false, true = counts_by_threshold(score, positive)
    if len(true) > 2:
        corner = np.r_[True, (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0), True]
        false, true = false[corner], true[corner]
    reached = np.r_[0.0, true / true[-1]]
    return float(np.r_[0.0, false / false[-1]][np.abs(reached - rate).argmin()])

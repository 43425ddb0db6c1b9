"""Open macro-F1: how well known classes and "unknown" are told apart as more and more unknown classes turn up.

DEAR's (arXiv 2107.10161): for each number i of unknown classes, ten random choices of them are scored as one class
beside the K known ones, and the means over the choices are weighted by openness 1 - sqrt(2K / (2K + i)).

Shape legend: K known classes, U unknown classes, N videos, D draws.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]

DRAWS, SEED = 10, 123  # DEAR's evaluation code


def open_macro_f1(
    known: Labels, known_label: Labels, unknown: Labels, unknown_class: Labels, num_classes: int, unknown_classes: int
) -> float:
    """The weighted mean, in [0, 1].

    Args:
        known: Answers to the videos of known classes (N,), K for "unknown".
        known_label: Their classes.
        unknown: Answers to the videos of unknown classes.
        unknown_class: Their classes in the unknown dataset, from 0.
        num_classes: K.
        unknown_classes: U.
    """
    size = num_classes + 1
    table = np.bincount(known_label * size + known, minlength=num_classes * size).reshape(num_classes, size)
    answers = np.bincount(unknown_class * size + unknown, minlength=unknown_classes * size)  # (U, K + 1)
    numbers = np.arange(1, unknown_classes + 1)
    drawn = _draws(unknown_classes) @ answers.reshape(unknown_classes, size).astype(np.float64)  # (U * D, K + 1)
    means = _macro_f1(table.astype(np.float64), drawn).reshape(unknown_classes, DRAWS).mean(1)
    weight = 1 - np.sqrt(2 * num_classes / (2 * num_classes + numbers))
    return float((weight * means).sum() / weight.sum())


@cache
def _draws(unknown_classes: int) -> NDArray[np.float64]:
    """Which classes each draw holds, (U * D, U), in the order in which DEAR's code draws them."""
    random = np.random.RandomState(SEED)
    rows = np.zeros((unknown_classes * DRAWS, unknown_classes))
    for row in range(len(rows)):
        rows[row, random.choice(unknown_classes, row // DRAWS + 1, replace=False)] = 1.0
    return rows


def _macro_f1(table: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean F1 over the classes that occur among labels or answers, for each draw of unknown videos.

    Args:
        table: (K, K + 1), known videos by class and answer.
        drawn: (draws, K + 1), unknown videos by answer.
    """
    right = np.diagonal(table)
    asked, said = table.sum(1), table[:, :-1].sum(0) + drawn[:, :-1]  # (K,), (draws, K)
    both = asked + said
    f1 = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    strange_both = drawn.sum(1) + drawn[:, -1] + table[:, -1].sum()  # (draws,)
    strange = np.divide(2 * drawn[:, -1], strange_both, out=np.zeros_like(strange_both), where=strange_both > 0)
    return (f1.sum(1) + strange) / ((both > 0).sum(1) + (strange_both > 0))

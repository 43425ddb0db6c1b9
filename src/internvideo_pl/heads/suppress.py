"""Overlapping stretches thinned out: soft non-maximum suppression, and voting for the boundaries of what is left.

Shapes: n stretches, m of them left.
Sources: Soft-NMS (arXiv 1704.04503) and voting as ActionFormer's public code has them.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def overlaps(one: Floats, many: Floats) -> Floats:
    """Intersection over union of stretches (..., 2) and (..., 2), broadcast; 0 where both have no length."""
    common = (np.minimum(one[..., 1], many[..., 1]) - np.maximum(one[..., 0], many[..., 0])).clip(min=0)
    union = (one[..., 1] - one[..., 0]) + (many[..., 1] - many[..., 0]) - common
    return common / np.maximum(union, 1e-12)


def soft_nms(segments: Floats, scores: Floats, sigma: float, least: float, most: int) -> tuple[Ints, Floats]:
    """The best stretch is kept, the scores of the others fall with their overlap, and so on.

    Args:
        segments: (n, 2).
        scores: (n,).
        sigma: A score falls by exp(-overlap^2 / sigma).
        least: Stretches are dropped when their score falls below this.
        most: Stretches that are kept.

    Returns:
        (m,) rows in the order in which they were kept, and their scores then.
    """
    scores = scores.copy()
    rows, kept = [], []
    for _ in range(min(most, len(scores))):
        best = int(scores.argmax())
        if scores[best] < least or scores[best] == -np.inf:
            break
        rows.append(best)
        kept.append(scores[best])
        scores *= np.where(np.isinf(scores), 1.0, np.exp(-(overlaps(segments[best], segments) ** 2) / sigma))
        scores[best] = -np.inf
        scores[scores < least] = -np.inf
    return np.asarray(rows, dtype=np.int64), np.asarray(kept, dtype=np.float64)


def vote(kept: Floats, segments: Floats, scores: Floats, threshold: float) -> Floats:
    """Boundaries as the mean, by score, of all stretches that overlap a kept one enough.

    Args:
        kept: (m, 2).
        segments: (n, 2), those before suppression.
        scores: (n,), those before suppression.
        threshold: Least overlap.

    Returns:
        (m, 2)
    """
    weight = (overlaps(kept[:, None], segments[None]) >= threshold) * scores  # (m, n)
    return (weight @ segments) / weight.sum(1, keepdims=True)

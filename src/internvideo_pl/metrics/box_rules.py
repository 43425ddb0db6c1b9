"""Which of a key frame's detected boxes count and which of those are right, by AVA's evaluator.

Shape legend: P detections, G true boxes.
"""

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 0.5  # overlap of a hit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def capped(box: Floats, score: Floats, label: Ints, frame: Ints, frames: int, cap: int) -> NDArray[np.bool_]:
    """Which detections (P,) of several key frames are among the `cap` that count of theirs; see `surest` for ties.

    Args:
        box: (P, 4).
        score: (P,), finite.
        label: (P,).
        frame: (P,), rising, 0 to `frames` - 1.
        frames: Key frames.
        cap: Detections of each that count.
    """
    size = np.bincount(frame, minlength=frames)
    if not len(frame) or size.max() <= cap:
        return np.ones(len(frame), dtype=bool)
    first = np.cumsum(size) - size
    table = np.full((frames, size.max()), -np.inf)
    table[frame, np.arange(len(frame)) - first[frame]] = score
    least = np.partition(table, -cap, axis=1)[:, -cap]
    kept = score >= least[frame]
    for tied in np.flatnonzero(np.bincount(frame[kept], minlength=frames) > cap):
        mine = slice(first[tied], first[tied] + size[tied])
        kept[mine] = surest(box[mine], score[mine], label[mine], cap)
    return kept


def surest(box: Floats, score: Floats, label: Ints, cap: int) -> NDArray[np.bool_]:
    """Which of the detections (P,) of a key frame the evaluator's reader keeps, `cap` of them.

    Where the score at the cap ties, the reader's heap decides: a row only enters for one with a lower score, and the
    one that leaves is the least by score, action id, y1, x1, y2, x2.
    """
    least = np.partition(score, len(score) - cap)[len(score) - cap]
    kept = score >= least
    if kept.sum() == cap:
        return kept
    x1, y1, x2, y2 = box.T.tolist()
    heap: list[tuple[Any, ...]] = []
    for row in zip(score.tolist(), label.tolist(), y1, x1, y2, x2, range(len(score)), strict=True):
        if len(heap) < cap:
            heapq.heappush(heap, row)
        elif row[0] > heap[0][0]:
            heapq.heapreplace(heap, row)
    kept = np.zeros(len(score), dtype=bool)
    kept[[row[-1] for row in heap]] = True
    return kept


def hits(found: Floats, frame: Ints, truth: Floats, truth_frame: Ints, least: float = LEAST) -> NDArray[np.bool_]:
    """Pascal's rule: a detection hits the true box that it overlaps most, if enough and no surer one has hit it.

    Every detection's best true box does not depend on the others, so all are found at once and the first to name a box
    gets it.

    Args:
        found: (P, 4) in falling order of score.
        frame: (P,).
        truth: (G, 4).
        truth_frame: (G,).
        least: Overlap that is enough.

    Returns:
        (P,).
    """
    hit = np.zeros(len(found), dtype=bool)
    if not len(found) or not len(truth):
        return hit
    order = np.argsort(truth_frame, kind="stable")
    truth, truth_frame = truth[order], truth_frame[order]
    first, last = (np.searchsorted(truth_frame, frame, side) for side in ("left", "right"))
    best, share = np.full(len(found), -1), np.full(len(found), -np.inf)
    for step in range(int((last - first).max())):  # the n-th true box of every frame
        rows = np.flatnonzero(first + step < last)
        candidate = first[rows] + step
        overlap = box_overlap(found[rows], truth[candidate])
        better = overlap > share[rows]
        best[rows[better]], share[rows[better]] = candidate[better], overlap[better]
    rows = np.flatnonzero(share >= least)
    _, surest = np.unique(best[rows], return_index=True)
    hit[rows[surest]] = True
    return hit


def box_overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union of boxes (N, 4) with boxes (N, 4), (N,); 0 where both have no area."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union != 0)

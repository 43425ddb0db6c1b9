"""Matching of detected time segments with true ones, by the two official rules, for all thresholds and videos at once.

Shape legend: P detections, G true segments, R overlap thresholds, V groups (a class within a video).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SMALL = 1 << 15  # numbers below it fit into sixteen bits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def overlap(a: Floats, b: Floats) -> Floats:
    """Temporal intersection over union.

    Args:
        a: (..., 2) start and end in seconds.
        b: (..., 2), broadcast against `a`.

    Returns:
        (...); 0 for segments that do not touch, NaN for two of no length.
    """
    common = np.clip(np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]), 0, None)
    union = (a[..., 1] - a[..., 0]) + (b[..., 1] - b[..., 0]) - common
    with np.errstate(divide="ignore", invalid="ignore"):
        return common / union


def falling(score: Floats) -> Ints:
    """Order of falling scores; of equal ones the later comes first, as in ActivityNet's evaluator."""
    return np.argsort(score, kind="stable")[::-1]


def in_groups(group: Ints) -> Ints:
    """Order of rising numbers, equal ones as they were; small numbers are sorted by their digits, which is quicker."""
    small = len(group) > 0 and np.abs(group).max() < SMALL
    return np.argsort(group.astype(np.int16) if small else group, kind="stable")


def hits_of_detections(
    found: Floats,
    group: Ints,
    truth: Floats,
    truth_group: Ints,
    thresholds: Floats,
    share: Callable[[Floats, Floats], Floats] = overlap,
) -> Bools:
    """ActivityNet's rule: detections, best first, take the free true segment that they overlap most, if enough.

    Only detections of one group compete, so the first of every group are matched together, then the second, and so on:
    as many steps as the largest group has detections.

    Args:
        found: (P, 2) detected segments in falling order of score.
        group: (P,) group of each; -1 where the video has no true segment of the class.
        truth: (G, 2) true segments.
        truth_group: (G,) group of each, 0 to V - 1.
        thresholds: (R,) least overlap of a hit.
        share: The overlap of what lies in the last axis, broadcast; boxes have four numbers there, segments two.

    Returns:
        (R, P).
    """
    hit = np.zeros((len(thresholds), len(found)), dtype=bool)
    if not len(truth) or not len(found):
        return hit
    # Groups of about as many true segments together: a table of all would be padded to the largest.
    size = np.bincount(truth_group)
    kind = np.ceil(np.log2(np.maximum(size, 1))).astype(np.int64)
    number = np.full(len(size), -1)
    for which in np.unique(kind[size > 0]):
        chosen = np.flatnonzero((kind == which) & (size > 0))
        number[:] = -1
        number[chosen] = np.arange(len(chosen))
        mine = np.flatnonzero(np.where(group >= 0, number[group], -1) >= 0)
        true = np.flatnonzero(number[truth_group] >= 0)
        places = number[group[mine]], number[truth_group[true]]
        hit[:, mine] = _in_turns(found[mine], places[0], truth[true], places[1], thresholds, share)
    return hit


def _in_turns(
    found: Floats,
    group: Ints,
    truth: Floats,
    truth_group: Ints,
    thresholds: Floats,
    share_of: Callable[[Floats, Floats], Floats],
) -> Bools:
    """`hits_of_detections`, padded to the largest group."""
    hit = np.zeros((len(thresholds), len(found)), dtype=bool)
    table = _by_group(truth, truth_group)  # (V, most of a group, 2)
    taken = np.zeros((len(thresholds), *table.shape[:2]), dtype=bool)
    for rows in _turns(group):
        where = group[rows]
        share = share_of(found[rows][:, None], table[where])  # (n, most); NaN where the group has fewer
        share = share[:, ::-1]  # of equally good segments the later one is taken
        free = ~taken[:, where, ::-1] & (share >= thresholds[:, None, None])  # (R, n, most)
        best = np.where(free, share, -1.0).argmax(-1)  # (R, n)
        good = np.take_along_axis(free, best[..., None], -1)[..., 0]
        hit[:, rows] = good
        level, row = np.nonzero(good)
        taken[level, where[row], table.shape[1] - 1 - best[level, row]] = True
    return hit


def hits_of_truth(found: Floats, group: Ints, truth: Floats, truth_group: Ints, thresholds: Floats) -> Bools:
    """THUMOS14's rule: true segments, in the order of their file, take the free detection that overlaps them most.

    Args:
        found: As for `hits_of_detections`.
        group: As there.
        truth: As there, in the order of the file.
        truth_group: As there.
        thresholds: (R,); a hit overlaps by more than that.

    Returns:
        (R, P).
    """
    hit = np.zeros((len(thresholds), len(found)), dtype=bool)
    order, true_order = in_groups(group), in_groups(truth_group)
    which = np.unique(truth_group)
    parts = [np.searchsorted(group[order], which, side=side) for side in ("left", "right")]
    true_parts = np.split(true_order, np.searchsorted(truth_group[true_order], which[1:]))
    for start, end, true in zip(*parts, true_parts, strict=True):
        mine = order[start:end]
        if not len(mine):
            continue
        share = np.nan_to_num(overlap(truth[true][:, None], found[mine]))  # (of the group, its detections)
        for level, threshold in enumerate(thresholds):
            free = np.ones(len(mine), dtype=bool)
            for row in share:
                best = int(np.where(free, row, -1.0).argmax())
                if free[best] and row[best] > threshold:
                    free[best] = False
            hit[level, mine] = ~free
    return hit


def touches(found: Floats, video: Ints, marked: Floats, marked_video: Ints) -> Bools:
    """Whether a detection overlaps any marked segment of its video at all (THUMOS14's ambiguous ones).

    Args:
        found: (P, 2).
        video: (P,).
        marked: (G, 2).
        marked_video: (G,).

    Returns:
        (P,).
    """
    near = np.zeros(len(found), dtype=bool)
    for segment, where in zip(marked, marked_video, strict=True):
        mine = np.flatnonzero(video == where)
        near[mine] |= np.nan_to_num(overlap(found[mine], segment)) > 0
    return near


def _by_group(truth: Floats, group: Ints) -> Floats:
    """(V, most of a group, 2 or 4): true segments of each group in their order, padded with NaN."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    place = np.arange(len(truth)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    table = np.full((len(sizes), sizes.max(), truth.shape[1]), np.nan)
    table[group[order], place] = truth[order]
    return table


def _turns(group: Ints) -> list[Ints]:
    """Rows of the first detection of every group, of the second, ...; rows of group -1 are left out."""
    rows = np.flatnonzero(group >= 0)
    rows = rows[in_groups(group[rows])]
    sizes = np.unique(group[rows], return_counts=True)[1]
    turn = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = rows[in_groups(turn)]
    return np.split(rows, np.cumsum(np.bincount(turn))[:-1]) if len(rows) else []

"""ActivityNet's evaluator one detection at a time, as its definition reads: what the metric is timed beside.

Legend: P detections, G true instances, R thresholds.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def average_map(
    found: tuple[Floats, Floats, Ints, Ints], truth: tuple[Floats, Ints, Ints], thresholds: Floats
) -> float:
    """Average mAP in percent.

    Args:
        found: Segments (P, 2), scores, labels and videos (P,).
        truth: Segments (G, 2), labels and videos (G,).
        thresholds: (R,).
    """
    segments, scores, labels, videos = found
    true_segments, true_labels, true_videos = truth
    table = []
    for label in np.unique(true_labels):
        mine, true = np.flatnonzero(labels == label), np.flatnonzero(true_labels == label)
        by_video: dict[int, list[int]] = {}
        for row in true:
            by_video.setdefault(int(true_videos[row]), []).append(int(row))
        ranked = mine[np.argsort(scores[mine], kind="stable")[::-1]]
        hits = np.zeros((len(thresholds), len(ranked)))
        taken = np.zeros((len(thresholds), len(true_labels)), dtype=bool)
        for place, row in enumerate(ranked):
            rivals = by_video.get(int(videos[row]), [])
            if not rivals:
                continue
            share = _overlap(segments[row], true_segments[rivals])
            best_first = share.argsort()[::-1]
            for number, threshold in enumerate(thresholds):
                for choice in best_first:
                    if share[choice] < threshold:
                        break
                    if not taken[number, rivals[choice]]:
                        taken[number, rivals[choice]] = True
                        hits[number, place] = 1
                        break
        table.append([_area(row, len(true)) for row in hits])
    return 100 * float(np.mean(table))


def _overlap(one: Floats, many: Floats) -> Floats:
    common = (np.minimum(one[1], many[:, 1]) - np.maximum(one[0], many[:, 0])).clip(min=0)
    return common / ((many[:, 1] - many[:, 0]) + (one[1] - one[0]) - common)


def _area(hits: Floats, positives: int) -> float:
    """Interpolated average precision of one ranking."""
    right = np.cumsum(hits)
    precision = np.hstack([[0], right / np.arange(1, len(hits) + 1), [0]])
    recall = np.hstack([[0], right / positives, [1]])
    for place in range(len(precision) - 1)[::-1]:
        precision[place] = max(precision[place], precision[place + 1])
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(((recall[steps] - recall[steps - 1]) * precision[steps]).sum())

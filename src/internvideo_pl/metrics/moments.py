"""Moment queries: recall within a clip and an activity, as Ego4D's evaluator has it.

Source: `MQ/Evaluation/ego4d/get_retrieval_performance.py` of EGO4D/episodic-memory.
Shape legend: P detections, G true moments.
"""

import numpy as np
import torch

from internvideo_pl.metrics.bootstrap import Interval, bootstrap_ratio
from internvideo_pl.metrics.segments import overlap
from internvideo_pl.metrics.temporal import Floats, Ints, TemporalDetection

TIMES = (1, 2, 3, 4, 5)  # k of Recall@kx
OVERLAPS = (0.3, 0.5, 0.7)
HEADLINE = "Recall@1x tIoU=0.5"


class MomentRecall(TemporalDetection):
    """`Recall@kx tIoU=t`, in percent of all true moments.

    Of a clip's detections of an activity with n true moments the first k n are looked at, the surest first; a moment
    is found when one of them overlaps it by more than t. One detection may find several. After `compute`, `found` holds
    all detections in falling order of score: segments, scores, labels and videos.
    """

    found: tuple[Floats, Floats, Ints, Ints]

    def compute(self) -> dict[str, float]:
        """The figures, and their bounds where clips are missing.

        Raises:
            UserError: No clip was reported, or a score or time is not finite.
        """
        self.found = self._detections()
        truth, hits = self.truth, self._hits().sum(0)
        total, lost = len(truth.label), int(np.isin(truth.video, self.missing).sum())
        figures: dict[str, float] = {}
        for row, times in enumerate(TIMES):
            for column, least in enumerate(OVERLAPS):
                name, count = f"Recall@{times}x tIoU={least}", float(hits[row, column])
                figures[name] = 100 * count / total if total else float("nan")
                if lost:
                    figures |= {f"{name}/low": figures[name], f"{name}/high": 100 * (count + lost) / total}
        return figures

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of the figures over other clips; after `compute`."""
        moments = torch.from_numpy(np.bincount(self.truth.video, minlength=self.truth.num_videos))
        found = torch.from_numpy(self._hits())
        intervals = {
            f"Recall@{times}x tIoU={least}": bootstrap_ratio(100 * found[:, row, column], moments, right=100.0)
            for row, times in enumerate(TIMES)
            for column, least in enumerate(OVERLAPS)
        }
        return {name: interval for name, interval in intervals.items() if interval is not None}

    def _hits(self) -> Floats:
        """Moments of each clip that are found, (clips, k, overlaps)."""
        segment, _, label, video = self.found
        rows, truth = _grouped(video, label), self.truth
        hits = np.zeros((truth.num_videos, len(TIMES), len(OVERLAPS)))
        for (where, which), true in _grouped(truth.video, truth.label).items():
            mine = rows.get((where, which))
            if mine is None:
                continue
            shares = np.nan_to_num(overlap(segment[mine][:, None], truth.segment[true]))  # (P, G), 0 / 0 is no hit
            for row, times in enumerate(TIMES):
                best = shares[: times * len(true)].max(0)  # (G,)
                hits[where, row] += [(best > least).sum() for least in OVERLAPS]
        return hits


def _grouped(video: Ints, label: Ints) -> dict[tuple[int, int], Ints]:
    """Rows of each (video, class), in their order."""
    if not len(video):
        return {}
    order = np.lexsort((label, video))
    pairs = np.stack([video[order], label[order]], axis=1)
    edges = np.flatnonzero((np.diff(pairs, axis=0) != 0).any(1)) + 1
    parts = np.split(order, edges)
    return {(int(video[part[0]]), int(label[part[0]])): np.sort(part) for part in parts}

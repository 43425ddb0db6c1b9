"""Spatio-temporal localisation as AVA scores it: frame mAP at 0.5 over key frames.

Sources: ActivityNet's `get_ava_performance.py` (cap, exclusions, empty frames) and the Pascal evaluator that it calls.
Unlike ActivityNet's rule for segments, a box is judged by the true box that it overlaps most, even if it is taken.
Shape legend: P detections, G true boxes, F key frames, K classes.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures
from internvideo_pl.metrics.precision import Resampled, average_precision
from internvideo_pl.metrics.samples import SampleMetric
from internvideo_pl.metrics.segments import falling

CAP = 50  # detections of a key frame that count, the surest ones; of several classes together
LEAST = 0.5  # overlap of a hit
MOST_LABELS, MOST_PLACES = 1_024, 65_536  # of action ids, and of detections of a key frame

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class TrueBoxes:
    """The official boxes of a split, one row a box and action.

    Attributes:
        frame: int64 (G,), number of the key frame.
        box: float64 (G, 4), x1, y1, x2, y2 as shares of width and height.
        label: int64 (G,), action id as the list of scored actions has it.
        num_frames: Key frames of the official list F, also those without a box, where every detection is false.
        classes: The scored action ids; rows and detections of others do not count.
    """

    frame: Ints
    box: Floats
    label: Ints
    num_frames: int
    classes: tuple[int, ...]


class FrameDetection(SampleMetric):
    """Mean average precision in percent of boxes on key frames.

    Detections are kept with their key frame's number and their place, so that repeats count once. Detections on frames
    outside the official list have no number and are never handed over, as the evaluator drops them. After `compute`,
    `missing` holds the key frames that were never reported.

    Args:
        truth: The official boxes.
        cap: Surest detections of a key frame that count; 0 for all (copies of the evaluator leave the cap out).
        empty_frames: Whether detections on key frames without a true box count as false; copies of the evaluator leave
            such key frames out.
        parts: Numbers of key frames that are also scored by themselves, by name.
    """

    def __init__(
        self,
        truth: TrueBoxes,
        cap: int = CAP,
        empty_frames: bool = True,
        parts: Mapping[str, Ints] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        kept = np.isin(truth.label, truth.classes)
        self.truth = TrueBoxes(truth.frame[kept], truth.box[kept], truth.label[kept], truth.num_frames, truth.classes)
        self.cap = cap
        self.counted = np.ones(truth.num_frames, dtype=bool)
        if not empty_frames:
            self.counted = np.isin(np.arange(truth.num_frames), self.truth.frame)
        self.parts = dict(parts or {})
        self.missing: list[int] = []
        self.scored = np.zeros(MOST_LABELS, dtype=bool)
        self.scored[list(truth.classes)] = True
        self.add_rows("found", (6,), torch.float64)  # box, score, `_code` of key frame, place in its list and label
        self.add_rows("empty", (), torch.int64)  # key frames with no detection that counts

    def update(self, frame: int, box: Tensor, score: Tensor, label: Tensor) -> None:
        """Add all detections of one key frame; none at all is a report too.

        What is not among the scored classes, or beyond the cap, is dropped at once, so that a test keeps little.

        Args:
            frame: Number of the key frame.
            box: (P, 4) x1, y1, x2, y2 as shares of width and height.
            score: (P,), the higher the surer.
            label: int64 (P,), action ids.
        """
        boxes, scores, labels = (part.detach().cpu().numpy() for part in (box, score, label))
        kept = self.scored[labels] & self.counted[frame]
        if not kept.all():
            boxes, scores, labels = boxes[kept], scores[kept], labels[kept]
        if self.cap and len(scores) > self.cap and np.isfinite(scores).all():  # `compute` complains of others
            kept = surest(boxes, scores, labels, self.cap)
            boxes, scores, labels = boxes[kept], scores[kept], labels[kept]
        rows = np.empty((len(scores), 6))
        rows[:, :4], rows[:, 4], rows[:, 5] = boxes, scores, _code(frame, np.arange(len(scores)), labels)
        if len(rows):
            self.append(found=torch.from_numpy(rows).to(self.device))
        else:
            self.append(empty=torch.tensor([frame], device=self.device))

    def compute(self) -> dict[str, float]:
        """`mAP@0.5` in percent, the mean over the scored classes that have a true box, and its bounds.

        It is over the key frames that were reported, and so is `<part>/mAP@0.5`. The bounds `mAP@0.5/low` and
        `mAP@0.5/high` count the others as well: first with nothing found there, then with everything found and surest.

        Raises:
            UserError: No key frame was reported, or a value is not finite.
        """
        found = self._detections()
        whole = np.ones(self.truth.num_frames, dtype=bool)
        seen = whole.copy()
        seen[self.missing] = False
        value = self._mean(found, seen)
        result = {"mAP@0.5": value, "mAP@0.5/low": value, "mAP@0.5/high": value}
        if self.missing:
            result["mAP@0.5/low"] = self._mean(found, whole)
            result["mAP@0.5/high"] = self._mean(found, whole, won=~seen)
        for name, frames in self.parts.items():
            mine = np.zeros_like(seen)
            mine[frames] = True
            result[f"{name}/mAP@0.5"] = self._mean(found, seen & mine)
        return result

    def per_class(self) -> dict[int, float]:
        """Average precision, 0 to 1, of each scored class over the key frames that were reported; NaN without truth.

        Raises:
            UserError: As `compute`.
        """
        found = self._detections()
        seen = np.ones(self.truth.num_frames, dtype=bool)
        seen[self.missing] = False
        return dict(zip(self.truth.classes, self._precisions(found, seen), strict=True))

    def intervals(self, video: Ints) -> dict[str, Interval]:
        """The 95 % interval of `mAP@0.5` over other videos with all their key frames.

        Args:
            video: int64 (F,), number of the video that each key frame is of.

        Raises:
            UserError: As `compute`.
        """
        found = self._detections()
        seen = np.ones(self.truth.num_frames, dtype=bool)
        seen[self.missing] = False
        videos, inverse = np.unique(video[seen], return_inverse=True)
        own = np.full(self.truth.num_frames, -1)
        own[seen] = inverse
        curves = [
            (Resampled(each.hit[None], own[each.frame]), own[each.truth])
            for each in self._ranked(found, seen)
            if len(each.truth)
        ]

        def figures(times: Ints) -> dict[str, float]:
            drawn = [(curve, int(times[truth].sum())) for curve, truth in curves]
            values = [curve(times, positives)[0] for curve, positives in drawn if positives]
            return {"mAP@0.5": float(100 * np.mean(values)) if values else float("nan")}

        return bootstrap_figures(figures, len(videos))

    def _mean(self, found: "_Found", frames: NDArray[np.bool_], won: NDArray[np.bool_] | None = None) -> float:
        values = np.asarray(self._precisions(found, frames, won))
        return float(100 * np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    def _detections(self) -> "_Found":
        rows = self.rows("found").cpu().numpy()
        if (np.diff(rows[:, 5]) <= 0).any():  # of several processes, perhaps with the repeats of a sampler's padding
            rows = rows[np.unique(rows[:, 5], return_index=True)[1]]
        frame = rows[:, 5].astype(np.int64) // (MOST_LABELS * MOST_PLACES)
        reported = np.zeros(self.truth.num_frames, dtype=bool)
        reported[frame] = reported[self.rows("empty").cpu().numpy()] = True
        if not reported.any():
            raise UserError("No key frame was reported: check that the test split is not empty and its videos decode.")
        self.missing = np.flatnonzero(~reported).tolist()
        if not np.isfinite(rows[:, :5]).all():
            raise UserError(
                "A detection's score or box is not a finite number; load a checkpoint from before it diverged."
            )
        order = falling(rows[:, 4])
        return _Found(rows[order, :4], rows[order, 5].astype(np.int64) % MOST_LABELS, frame[order])

    def _precisions(
        self, found: "_Found", frames: NDArray[np.bool_], won: NDArray[np.bool_] | None = None
    ) -> list[float]:
        """Average precision of every class in some key frames (F,), with all boxes of some (F,) found before others."""
        values = []
        for each in self._ranked(found, frames):
            hit = each.hit
            if won is not None:
                hit = np.concatenate([np.ones(int(won[each.truth].sum()), dtype=bool), hit])
            values.append(float(average_precision(hit[None], len(each.truth))[0]))
        return values

    def _ranked(self, found: "_Found", frames: NDArray[np.bool_]) -> list["_Ranking"]:
        """The detections of every class in some key frames (F,), matched."""
        true = frames[self.truth.frame]
        by_label = np.argsort(found.label.astype(np.uint16), kind="stable")  # within a label still falling
        ends = np.searchsorted(found.label[by_label], self.truth.classes, side="right")
        starts = np.searchsorted(found.label[by_label], self.truth.classes, side="left")
        rankings = []
        for which, start, end in zip(self.truth.classes, starts, ends, strict=True):
            mine, wanted = by_label[start:end], true & (self.truth.label == which)
            mine = mine[frames[found.frame[mine]]]
            hit = hits(found.box[mine], found.frame[mine], self.truth.box[wanted], self.truth.frame[wanted])
            rankings.append(_Ranking(hit, found.frame[mine], self.truth.frame[wanted]))
        return rankings


class _Found(NamedTuple):
    """Detections in falling order of score: boxes (P, 4), labels (P,), numbers of their key frames (P,)."""

    box: Floats
    label: Ints
    frame: Ints


class _Ranking(NamedTuple):
    """A class's detections in falling order of score, which are right (P,), their key frames (P,), and those of its
    true boxes.
    """

    hit: NDArray[np.bool_]
    frame: Ints
    truth: Ints


def _code(frame: int, place: Ints, label: Ints) -> Ints:
    """Key frame, place in its list and label as one whole number, exact as a float64."""
    return (frame * MOST_PLACES + place) * MOST_LABELS + label


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

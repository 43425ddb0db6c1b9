"""Spatio-temporal localisation as AVA scores it: frame mAP at 0.5 over key frames.

Sources: ActivityNet's `get_ava_performance.py` (cap, exclusions, empty frames) and the Pascal evaluator that it calls.
Unlike ActivityNet's rule for segments, a box is judged by the true box that it overlaps most, even if it is taken.
Shape legend: P detections, G true boxes, F key frames, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures
from internvideo_pl.metrics.box_rules import Floats, Ints, capped, hits
from internvideo_pl.metrics.precision import Resampled, average_precision
from internvideo_pl.metrics.samples import SampleMetric
from internvideo_pl.metrics.segments import falling

CAP = 50  # detections of a key frame that count, the surest ones; of several classes together
MOST_LABELS, MOST_PLACES = 1_024, 65_536  # of action ids, and of detections of a key frame


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

    def update(self, frames: Ints, counts: Ints, box: Tensor, score: Tensor, label: Tensor) -> None:
        """Add all detections of some key frames; none at all of one is a report too.

        What is not among the scored classes, or beyond the cap, is dropped at once, so that a test keeps little.

        Args:
            frames: int64 (F,), numbers of the key frames.
            counts: int64 (F,), detections of each; together P.
            box: (P, 4) x1, y1, x2, y2 as shares of width and height, those of the first key frame first.
            score: (P,), the higher the surer.
            label: int64 (P,), action ids.
        """
        boxes, scores, labels = (part.detach().cpu().numpy() for part in (box, score, label))
        owner = np.repeat(np.arange(len(frames)), counts)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)  # in the key frame's list
        rows = np.flatnonzero(self.scored[labels] & self.counted[frames][owner])
        if self.cap and np.isfinite(scores[rows]).all():  # `compute` complains of others
            kept = capped(boxes[rows], scores[rows], labels[rows], owner[rows], len(frames), self.cap)
            rows = rows[kept]
        found = np.empty((len(rows), 6))
        found[:, :4], found[:, 4] = boxes[rows], scores[rows]
        found[:, 5] = _code(frames[owner[rows]], place[rows], labels[rows])
        empty = frames[np.bincount(owner[rows], minlength=len(frames)) == 0]
        self.append(found=torch.from_numpy(found).to(self.device), empty=torch.from_numpy(empty).to(self.device))

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
        code = rows[:, 5].astype(np.int64)
        label = (code % MOST_LABELS).astype(np.uint16)
        frame = np.floor_divide(code, MOST_LABELS * MOST_PLACES, out=code)  # in its place: there are millions
        reported = np.zeros(self.truth.num_frames, dtype=bool)
        reported[frame] = reported[self.rows("empty").cpu().numpy()] = True
        if not reported.any():
            raise UserError("No key frame was reported: check that the test split is not empty and its videos decode.")
        self.missing = np.flatnonzero(~reported).tolist()
        if len(rows) and not np.isfinite([rows.min(), rows.max()]).all():
            raise UserError(
                "A detection's score or box is not a finite number; load a checkpoint from before it diverged."
            )
        order = np.argsort(label, kind="stable")
        ends = np.searchsorted(label[order], self.truth.classes, side="right")
        starts = np.searchsorted(label[order], self.truth.classes, side="left")
        of_class = [order[start:end] for start, end in zip(starts, ends, strict=True)]
        return _Found(rows, frame, [mine[falling(rows[mine, 4])] for mine in of_class])

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
        true, every = frames[self.truth.frame], frames.all()
        rankings = []
        for which, mine in zip(self.truth.classes, found.of_class, strict=True):
            wanted = true & (self.truth.label == which)
            if not every:
                mine = mine[frames[found.frame[mine]]]
            frame, place = found.frame[mine], self.truth.frame[wanted]
            there = np.zeros(len(frames), dtype=bool)
            there[place] = True
            near = np.flatnonzero(there[frame])  # in other key frames there is nothing to hit
            hit = np.zeros(len(mine), dtype=bool)
            hit[near] = hits(found.rows[mine[near], :4], frame[near], self.truth.box[wanted], place)
            rankings.append(_Ranking(hit, frame, place))
        return rankings


class _Found(NamedTuple):
    """Detections (P, 6) as they are kept, their key frames (P,), and the rows of each class, surest first."""

    rows: Floats
    frame: Ints
    of_class: list[Ints]


class _Ranking(NamedTuple):
    """A class's detections in falling order of score, which are right (P,), their key frames (P,), and those of its
    true boxes.
    """

    hit: NDArray[np.bool_]
    frame: Ints
    truth: Ints


def _code(frame: Ints, place: Ints, label: Ints) -> Ints:
    """Key frame, place in its list and label as one whole number, exact as a float64."""
    return (frame * MOST_PLACES + place) * MOST_LABELS + label

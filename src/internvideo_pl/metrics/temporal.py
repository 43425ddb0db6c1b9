"""Temporal localisation: mean average precision over overlap thresholds, by ActivityNet's evaluator or THUMOS14's.

Sources: ActivityNet's `eval_detection.py` (for ActivityNet, HACS Segments, FineAction; papers use it on THUMOS14 too),
THUMOS14's `TH14evaldet.m` and `TH14eventdetpr.m`.
Shape legend: P detections, G true segments, R overlap thresholds, K classes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures
from internvideo_pl.metrics.precision import Resampled, Rule, average_precision
from internvideo_pl.metrics.samples import SampleMetric, first_of_each
from internvideo_pl.metrics.segments import (
    Bools,
    Floats,
    Ints,
    falling,
    hits_of_detections,
    hits_of_truth,
    in_groups,
    touches,
)

ACTIVITYNET = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
THUMOS14 = (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class TrueSegments:
    """The official instances of a split.

    Attributes:
        video: int64 (G,), number of the video in the official list.
        segment: float64 (G, 2), start and end in seconds.
        label: int64 (G,), class; -1 for an ambiguous instance, which only THUMOS14's own rule reads.
        num_videos: Videos of the official list, also those without an instance.
    """

    video: Ints
    segment: Floats
    label: Ints
    num_videos: int


class TemporalDetection(SampleMetric):
    """Average mAP in percent, and mAP at every threshold.

    Detections are kept with their video's number and their place in its list, so that what several processes or a
    repeated video report is counted once. After `compute`, `missing` holds the videos that were never reported.

    Args:
        truth: The official instances.
        thresholds: Least overlaps of a hit.
        evaluator: "activitynet": detections choose, at `>=`; "thumos14": true segments choose, at `>`, and a false
            detection that touches an ambiguous instance is not counted.
        rule: How a curve becomes a number; null for the evaluator's own ("interpolated", "at_hits").
        blocked: Videos that are taken out of both sides, as ActivityNet does with those that are gone.
    """

    def __init__(
        self,
        truth: TrueSegments,
        thresholds: tuple[float, ...] = ACTIVITYNET,
        evaluator: Literal["activitynet", "thumos14"] = "activitynet",
        rule: Rule | None = None,
        blocked: frozenset[int] = frozenset(),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        kept = ~np.isin(truth.video, list(blocked))
        self.truth = TrueSegments(truth.video[kept], truth.segment[kept], truth.label[kept], truth.num_videos)
        self.thresholds = np.asarray(thresholds)
        self.evaluator = evaluator
        self.rule: Rule = rule or ("interpolated" if evaluator == "activitynet" else "at_hits")
        self.blocked = blocked
        self.missing: list[int] = []
        self.add_rows("segment", (2,), torch.float64)
        self.add_rows("score", (), torch.float64)
        self.add_rows("label", (), torch.int64)
        self.add_rows("key", (2,), torch.int64)  # (video, place in its list)
        self.add_rows("reported", (), torch.int64)

    def update(self, video: int, segment: Tensor, score: Tensor, label: Tensor) -> None:
        """Add all detections of one video; none at all is a report too.

        Args:
            video: Its number in the official list.
            segment: (P, 2) start and end in seconds.
            score: (P,), the higher the surer.
            label: int64 (P,).
        """
        place = torch.arange(len(score), device=score.device)
        key = torch.stack([torch.full_like(place, video), place], dim=1)
        self.append(segment=segment, score=score, label=label, key=key)
        self.append(reported=torch.tensor([video], device=self.device))

    def compute(self) -> dict[str, float]:
        """`avg_mAP` and `mAP@<threshold>`, in percent; the mean is over the classes that have an instance.

        Where videos were never reported, `avg_mAP/low` and `avg_mAP/high` bound what they could do to it: nothing found
        in them, which is the figure itself, and everything found, surer than all else.

        Raises:
            UserError: No video was reported, or a score or time is not finite.
        """
        found = self._detections()
        each = self._each(found)
        named = {f"mAP@{threshold:g}": float(value) for threshold, value in zip(self.thresholds, each, strict=True)}
        result = {"avg_mAP": float(each.mean()), **named}
        if self.missing:
            best = float(self._each(self._completed(found)).mean())
            result |= {"avg_mAP/low": result["avg_mAP"], "avg_mAP/high": best}
        return result

    def _each(self, found: tuple[Floats, Floats, Ints, Ints]) -> Floats:
        """Mean over the classes at every threshold, (R,), in percent."""
        table = [average_precision(each.hit, len(each.truth), self.rule, each.counted) for each in self._ranked(found)]
        return 100 * np.stack(table).mean(0)  # of (K, R)

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of the figures over other videos of the official list; after or before `compute`."""
        listed = np.flatnonzero(~np.isin(np.arange(self.truth.num_videos), list(self.blocked)))
        place = np.full(self.truth.num_videos, -1)
        place[listed] = np.arange(len(listed))
        curves = [
            (Resampled(each.hit, place[each.video], self.rule, each.counted), place[each.truth])
            for each in self._ranked(self._detections())
        ]

        def figures(times: Ints) -> dict[str, float]:
            drawn = [(curve, int(times[truth].sum())) for curve, truth in curves]
            table = [curve(times, positives) for curve, positives in drawn if positives]
            each = 100 * np.stack(table).mean(0) if table else np.full(len(self.thresholds), np.nan)
            named = {f"mAP@{threshold:g}": float(value) for threshold, value in zip(self.thresholds, each, strict=True)}
            return {"avg_mAP": float(each.mean()), **named}

        return bootstrap_figures(figures, len(listed))

    def _ranked(self, found: tuple[Floats, Floats, Ints, Ints]) -> list["_Ranking"]:
        """The detections of each class that has an instance.

        Only what is of one class and video competes, so all classes are matched together and then told apart.
        """
        segment, _, label, video = found
        truth = self.truth
        classes, true_class = np.unique(truth.label, return_inverse=True)
        clear = truth.label >= 0
        pairs = true_class * truth.num_videos + truth.video
        groups, truth_group = np.unique(pairs[clear], return_inverse=True)
        which = _positions(classes, label)
        by_class = in_groups(which)  # within a class in falling order of score still
        by_class = by_class[which[by_class] >= 0]
        segment, which, video = segment[by_class], which[by_class], video[by_class]
        group = _positions(groups, which * truth.num_videos + video)
        hit, counted = self._matched(segment, group, video, truth.segment[clear], truth_group)
        starts = np.searchsorted(which, np.arange(len(classes) + 1))
        return [
            _Ranking(
                hit[:, part],
                None if counted is None else counted[:, part],
                video[part],
                truth.video[true_class == k],
            )
            for k, part in enumerate(slice(*pair) for pair in pairwise(starts))
            if classes[k] >= 0
        ]

    def _matched(
        self, found: Floats, group: Ints, video: Ints, truth: Floats, truth_group: Ints
    ) -> tuple[Bools, Bools | None]:
        """Which detections hit at every threshold (R, P), and which count at all; None for all."""
        if self.evaluator == "activitynet":
            return hits_of_detections(found, group, truth, truth_group, self.thresholds), None
        hit = hits_of_truth(found, group, truth, truth_group, self.thresholds)
        unclear = self.truth.label < 0
        ignored = touches(found, video, self.truth.segment[unclear], self.truth.video[unclear])
        return hit, np.broadcast_to(~ignored, hit.shape)

    def _completed(self, found: tuple[Floats, Floats, Ints, Ints]) -> tuple[Floats, Floats, Ints, Ints]:
        """Detections with the instances of missing videos before them, but those of no length, which none can hit."""
        truth = self.truth
        long = truth.segment[:, 1] > truth.segment[:, 0]
        there = np.isin(truth.video, self.missing) & (truth.label >= 0) & long
        perfect = truth.segment[there], np.full(there.sum(), np.inf), truth.label[there], truth.video[there]
        segment, score, label, video = (np.concatenate(pair) for pair in zip(perfect, found, strict=True))
        return segment, score, label, video

    def _detections(self) -> tuple[Floats, Floats, Ints, Ints]:
        """Segments (P, 2), scores, labels and videos (P,) in falling order of score."""
        reported = self.rows("reported").unique().tolist()
        if not reported:
            raise UserError(
                "No test video was reported: check that the test split is not empty and its features exist."
            )
        self.missing = sorted(set(range(self.truth.num_videos)) - set(reported) - self.blocked)
        keep = first_of_each(self.rows("key"))
        rows = (self.rows(name)[keep].cpu().numpy() for name in ("segment", "score", "label", "key"))
        segment, score, label, key = rows
        if not (np.isfinite(score).all() and np.isfinite(segment).all()):
            raise UserError(
                "A detection's score or time is not a finite number; load a checkpoint from before it diverged."
            )
        order = falling(score)
        if self.blocked:
            order = order[~np.isin(key[order, 0], list(self.blocked))]
        return segment[order], score[order], label[order], key[order, 0]


class _Ranking(NamedTuple):
    """A class's P detections in falling order of score: which hit (R, P), which count at all, their videos (P,), and
    the videos of the class's instances.
    """

    hit: Bools
    counted: Bools | None
    video: Ints
    truth: Ints


def _positions(known: Ints, values: Ints) -> Ints:
    """Where each value stands in the sorted `known`; -1 where it does not."""
    place = np.searchsorted(known, values).clip(max=len(known) - 1)
    return np.where(known[place] == values, place, -1)

"""Future hand prediction: displacement errors as Ego4D's evaluator has them.

Source: `tools/eval.py` of EGO4D/forecasting's Ego4D-Future-Hand-Prediction.
Shape legend: S samples, M = 5 frames (the last is the contact), two hands (left, right), two coordinates.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import RESAMPLES, Interval, bootstrap_figures
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

MOMENTS = 5
SIDES = ("left", "right")
TOTAL, HEADLINE = "total displacement", "500 / total displacement"  # the second is what InternVideo's report prints


def displacements(points: Tensor, truth: Tensor) -> dict[str, float]:
    """The four errors in pixels, their sum, and 500 over it.

    `<hand>/M.Disp` is the mean distance over every annotated frame, `<hand>/C.Disp` over the contact frames alone. A
    true point at (0, 0) is a hand out of sight; NaN where a hand was never in sight.

    Args:
        points: Predicted pixels, (S, M, 2, 2).
        truth: True ones, likewise.
    """
    sums, counts = _sums(points, truth)
    return _figures(sums.sum(0), counts.sum(0))


def _sums(points: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Of every sample and error: the summed distances and how many there are, float64 (S, 4) each."""
    distance = (points.double() - truth.double()).norm(dim=-1)  # (S, M, 2)
    seen = (truth != 0).any(-1)
    distance = torch.where(seen, distance, 0.0)
    both = distance.sum(1), distance[:, -1], seen.double().sum(1), seen[:, -1].double()  # (S, 2) each
    frames, contact, seen_frames, seen_contact = both
    return (
        torch.stack([frames, contact], dim=2).flatten(1),  # left M, left C, right M, right C
        torch.stack([seen_frames, seen_contact], dim=2).flatten(1),
    )


def _figures(sums: Tensor, counts: Tensor) -> dict[str, float]:
    """`displacements` from the sums over samples, (4,) each."""
    each = (sums / counts).tolist()
    found = dict(zip((f"{side}/{kind}.Disp" for side in SIDES for kind in "MC"), each, strict=True))
    total = sum(each)
    return {HEADLINE: 500 / total if total > 0 else float("inf") if total == 0 else total, TOTAL: total, **found}


class HandForecast(SampleMetric):
    """`displacements` of the mean over views of each sample's points.

    After `compute`, `points` holds those means by sample number, of all processes, and `intervals` may be asked for.

    Args:
        official: Samples of the official list.
    """

    def __init__(self, official: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.official = official
        self.points: dict[int, list[float]] = {}
        self._scored: tuple[Tensor, Tensor, Tensor] | None = None  # numbers, sums, counts
        self.add_rows("point", (MOMENTS, 2, 2), torch.float64)
        self.add_rows("truth", (MOMENTS, 2, 2), torch.float64)
        self.add_rows("key", (2,), torch.int64)

    def update(self, points: Tensor, truth: Tensor, index: Tensor, view: Tensor) -> None:
        """Add a batch of views.

        Args:
            points: Predicted pixels, (B, M, 2, 2).
            truth: True ones, (0, 0) for a hand out of sight.
            index: int64 (B,), the sample's number in the list.
            view: int64 (B,), the number of the view within the sample.
        """
        self.append(point=points, truth=truth, key=torch.stack([index, view], dim=1))

    def compute(self) -> dict[str, float]:
        """See `displacements`.

        Raises:
            UserError: Nothing was predicted, or what is not finite.
        """
        key = self.rows("key")
        if not len(key):
            raise UserError("No test clip was evaluated: check that the test list is not empty and its files decode.")
        keep = first_of_each(key)
        point, truth = self.rows("point")[keep], self.rows("truth")[keep]
        if not point.isfinite().all():
            raise UserError("The model's outputs are not finite numbers; load a checkpoint from before it diverged.")
        index, sample = torch.unique(key[keep, 0], return_inverse=True)
        views = torch.bincount(sample, minlength=len(index))[:, None, None, None]
        mean = torch.zeros(len(index), MOMENTS, 2, 2, dtype=torch.float64, device=point.device)
        mean = mean.index_add(0, sample, point) / views
        true = torch.zeros_like(mean)
        true[sample] = truth
        self.points = {int(i): row.flatten().tolist() for i, row in zip(index, mean, strict=True)}
        self._scored = index, *_sums(mean, true)
        return displacements(mean, true)

    def intervals(self, video: Tensor) -> dict[str, Interval]:
        """95 % intervals of the figures over other videos; after `compute`.

        Args:
            video: int64 (S,), number of the video that each sample of the list is of.
        """
        assert self._scored is not None, "compute comes first: it gathers the samples of all processes"
        index, sums, counts = (part.cpu() for part in self._scored)
        videos, own = torch.unique(video.cpu()[index], return_inverse=True)
        by_video = [torch.zeros(len(videos), 4, dtype=torch.float64).index_add(0, own, part) for part in (sums, counts)]

        def figures(times: NDArray[np.int64]) -> dict[str, float]:
            weight = torch.from_numpy(times).double()
            return _figures(weight @ by_video[0], weight @ by_video[1])

        return bootstrap_figures(figures, len(videos), RESAMPLES, limit=float("inf"))

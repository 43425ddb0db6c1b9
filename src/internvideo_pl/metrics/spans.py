"""Natural-language queries: recall of predicted windows as Ego4D's evaluator has it.

Source: `NLQ/VSLNet/utils/evaluate_ego4d_nlq.py` of EGO4D/episodic-memory.
Shape legend: N queries, K predicted windows, C candidates.
"""

from typing import Any

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_mean
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

WINDOWS = 5  # that are predicted for a query
TOP, THRESHOLDS = (1, 3, 5), (0.3, 0.5)
HEADLINE = "R@1 IoU=0.3"
GRID = 24  # edges of a clip between which constant windows lie


def overlap(found: Tensor, true: Tensor) -> Tensor:
    """Intersection over union of windows (..., 2); NaN where both have no length and are one point."""
    both = (torch.minimum(found[..., 1], true[..., 1]) - torch.maximum(found[..., 0], true[..., 0])).clamp(min=0)
    whole = (torch.maximum(found[..., 1], true[..., 1]) - torch.minimum(found[..., 0], true[..., 0])).clamp(min=0)
    return both / whole


def recalls(shares: Tensor) -> dict[str, float]:
    """The evaluator's figures in percent.

    `R@k IoU=t` is the share of queries of which one of the first k windows overlaps by more than t; `R@k mean` their
    mean over the thresholds; `mIoU` the mean over queries of the first window's overlap, NaN where one is undefined.
    (The evaluator writes the mean of the three largest of `overlap[0]`, which holds the first window's alone.)

    Args:
        shares: Overlaps (N, K) in the order of the predictions.
    """
    return {name: values.mean().item() for name, values in _of_queries(shares).items()}


def _of_queries(shares: Tensor) -> dict[str, Tensor]:
    """What each query adds to the mean that a figure is, (N,) in percent."""
    found: dict[str, Tensor] = {}
    for k in TOP:
        each = [100 * (shares[:, :k] > threshold).any(1).double() for threshold in THRESHOLDS]
        found |= {f"R@{k} IoU={threshold}": values for threshold, values in zip(THRESHOLDS, each, strict=True)}
        found[f"R@{k} mean"] = torch.stack(each).mean(0)
    found["mIoU"] = 100 * shares[:, 0]
    return {HEADLINE: found.pop(HEADLINE), **found}


class LanguageQueries(SampleMetric):
    """`recalls` over the queries that were answered: as in the official evaluator, no other counts.

    Queries of the list without an answer are `missing` after `compute`, and the figures' bounds, `<name>/low` and
    `<name>/high`, count them as missed and as found. `times` then holds every query's windows, of all processes.

    Args:
        official: Queries of the official list.
    """

    def __init__(self, official: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.official = official
        self.missing: list[int] = []
        self.times: dict[int, list[list[float]]] = {}
        self._scored: tuple[Tensor, Tensor] | None = None  # numbers, overlaps
        self.add_rows("window", (WINDOWS, 2), torch.float64)
        self.add_rows("truth", (2,), torch.float64)
        self.add_rows("key", (), torch.int64)

    def update(self, windows: Tensor, truth: Tensor, index: Tensor) -> None:
        """Add a batch of answers.

        Args:
            windows: Seconds (B, K, 2), the best first.
            truth: Seconds (B, 2).
            index: int64 (B,), the query's number in the list.
        """
        self.append(window=windows, truth=truth, key=index)

    def compute(self) -> dict[str, float]:
        """See `recalls`.

        Raises:
            UserError: No query was answered, or not with finite times.
        """
        key = self.rows("key")
        if not len(key):
            raise UserError("No query was answered: check that the test list is not empty and its features exist.")
        keep = first_of_each(key)
        key, windows, truth = key[keep], self.rows("window")[keep], self.rows("truth")[keep]
        if not windows.isfinite().all():
            raise UserError("Predicted times are not finite numbers; load a checkpoint from before it diverged.")
        self.times = {int(i): each.tolist() for i, each in zip(key, windows, strict=True)}
        self.missing = sorted(set(range(self.official)) - set(self.times))
        self._scored = key, overlap(windows, truth[:, None])
        figures, answered, lost = recalls(self._scored[1]), len(key), len(self.missing)
        bounds = {}
        for name, value in figures.items():
            if name.startswith("R@"):
                bounds[f"{name}/low"] = value * answered / (answered + lost)
                bounds[f"{name}/high"] = (value * answered + 100 * lost) / (answered + lost)
        return figures | bounds

    def intervals(self, video: Tensor) -> dict[str, Interval]:
        """95 % intervals of the figures over other videos, with the queries of each; after `compute`.

        Args:
            video: int64, number of the video that each query of the list is about.
        """
        assert self._scored is not None, "compute comes first: it gathers the queries of all processes"
        key, shares = self._scored
        own = video.cpu()[key.cpu()]
        found = {name: bootstrap_mean(values, own, right=100.0) for name, values in _of_queries(shares).items()}
        return {name: interval for name, interval in found.items() if interval is not None}


def constant_windows(truth: Tensor, duration: Tensor) -> Tensor:
    """The windows, as shares of a clip, that answer most queries when every query gets them: chosen one by one.

    The first overlaps most queries' windows by more than 0.3; each next one most of those that none before does.

    Args:
        truth: Windows of the training list, seconds (N, 2).
        duration: Of their clips, seconds (N,).

    Returns:
        (K, 2), shares from 0 to 1.
    """
    edges = torch.linspace(0, 1, GRID + 1, dtype=torch.float64)
    first, last = torch.triu_indices(GRID + 1, GRID + 1, offset=1)
    candidates = torch.stack([edges[first], edges[last]], dim=-1)  # (C, 2)
    open_ = torch.ones(len(truth), dtype=torch.bool)
    hit = overlap(candidates[None], (truth.double() / duration.double()[:, None])[:, None]) > THRESHOLDS[0]  # (N, C)
    chosen = []
    for _ in range(WINDOWS):
        best = int(hit[open_].sum(0).argmax())
        chosen.append(candidates[best])
        open_ &= ~hit[:, best]
    return torch.stack(chosen)

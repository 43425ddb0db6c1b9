"""Recall of predicted windows against a slow version of Ego4D's evaluator."""

import math

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.spans import LanguageQueries, constant_windows, overlap, recalls


def official(answers: list[list[list[float]]], truth: list[list[float]]) -> dict[str, float]:
    """The evaluator's loops over predicted instances; `>` is strict and 0 / 0 is no number."""
    hits: dict[str, list[bool]] = {}
    means = []
    for windows, (start, end) in zip(answers, truth, strict=True):
        shares = []
        for first, last in windows:
            both = max(0.0, min(last, end) - max(first, start))
            whole = max(0.0, max(last, end) - min(first, start))
            shares.append(both / whole if whole else math.nan)
        overlaps = np.array(shares)[:, None]  # (windows, true ones): the evaluator's first row is the first window's
        means.append(np.mean(np.sort(overlaps[0])[-3:]))
        for top in (1, 3, 5):
            for threshold in (0.3, 0.5):
                hits.setdefault(f"R@{top} IoU={threshold}", []).append(any(s > threshold for s in shares[:top]))
    figures = {name: 100 * float(np.mean(found)) for name, found in hits.items()}
    for top in (1, 3, 5):
        figures[f"R@{top} mean"] = (figures[f"R@{top} IoU=0.3"] + figures[f"R@{top} IoU=0.5"]) / 2
    return figures | {"mIoU": 100 * float(np.mean(means))}


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_official_loops_on_ties_points_and_reversed_windows(seed):
    rng = np.random.default_rng(seed)
    queries = 40
    truth = np.round(rng.uniform(0, 20, (queries, 2)), int(rng.integers(0, 2)))  # coarse times tie at the thresholds
    truth[: queries // 2].sort(axis=1)
    truth[::7, 1] = truth[::7, 0]  # windows of no length
    windows = np.round(np.sort(rng.uniform(0, 20, (queries, 5, 2)), axis=-1), 0)
    windows[3] = truth[3]  # exactly right
    windows[5, 0], truth[5] = [0, 10], [7, 10]  # exactly 0.3, which is no hit
    metric = LanguageQueries(queries + 3)
    order = rng.permutation(np.r_[np.arange(queries), 0, 1, 2])  # three come twice, as a padded sampler gives them
    for part in np.array_split(order, 6):
        metric.update(torch.tensor(windows[part]), torch.tensor(truth[part]), torch.tensor(part))
    found = metric.compute()
    wanted = official(windows.tolist(), truth.tolist())
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-9, nan_ok=True)
    assert metric.missing == [queries, queries + 1, queries + 2]
    assert metric.times[4] == windows[4].tolist()
    value = wanted["R@5 IoU=0.5"]
    assert found["R@5 IoU=0.5/low"] == pytest.approx(value * queries / (queries + 3))
    assert found["R@5 IoU=0.5/high"] == pytest.approx((value * queries + 300) / (queries + 3))
    assert next(iter(found)) == "R@1 IoU=0.3"


def test_two_equal_points_have_no_overlap_that_is_defined():
    point = torch.tensor([[2.0, 2.0]], dtype=torch.float64)
    assert overlap(point, point).isnan().all()
    assert recalls(overlap(point, point).expand(1, 5))["R@5 IoU=0.3"] == 0


def test_nothing_answered_or_not_finite_is_said():
    with pytest.raises(UserError, match="No query"):
        LanguageQueries(2).compute()
    metric = LanguageQueries(1)
    metric.update(torch.full((1, 5, 2), math.inf), torch.zeros(1, 2), torch.tensor([0]))
    with pytest.raises(UserError, match="not finite"):
        metric.compute()


def test_constant_windows_are_the_best_ones_of_their_grid():
    rng = np.random.default_rng(0)
    duration = torch.tensor(rng.uniform(10, 500, 60))
    start = rng.uniform(0, 0.8, 60)
    truth = torch.tensor(np.stack([start, start + 0.15], 1)) * duration[:, None]
    chosen = constant_windows(truth, duration)
    assert chosen.shape == (5, 2)
    best = max(
        sum(
            official([[[a / 24 * d, b / 24 * d]]], [t.tolist()])["R@1 IoU=0.3"]
            for d, t in zip(duration, truth, strict=True)
        )
        for a in range(24)
        for b in range(a + 1, 25)
    )
    mine = recalls(overlap(chosen[:1] * duration[:, None, None], truth[:, None]).expand(-1, 5))
    assert mine["R@1 IoU=0.3"] == pytest.approx(best / 60)

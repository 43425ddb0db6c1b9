"""Displacement of predicted hands against a slow version of Ego4D's evaluator."""

import math

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.hands import HEADLINE, TOTAL, HandForecast, displacements

SUMMED = 30  # views that the official file sums and the evaluator divides by


def official(summed: dict[str, list[float]], labels: dict[str, list[float]]) -> dict[str, float]:
    """The evaluator's loops: five frames of left x, y, right x, y; a label of (0, 0) is no hand."""
    every: dict[str, list[float]] = {"left": [], "right": []}
    contact: dict[str, list[float]] = {"left": [], "right": []}
    for key, values in summed.items():
        point, label = [value / SUMMED for value in values], labels[key]
        for moment in range(5):
            for hand, side in enumerate(("left", "right")):
                at = moment * 4 + hand * 2
                if label[at] != 0 or label[at + 1] != 0:
                    error = math.sqrt((label[at] - point[at]) ** 2 + (label[at + 1] - point[at + 1]) ** 2)
                    every[side].append(error)
                    if moment == 4:
                        contact[side].append(error)
    found = {}
    for side in ("left", "right"):
        found[f"{side}/M.Disp"] = sum(every[side]) / len(every[side]) if every[side] else math.nan
        found[f"{side}/C.Disp"] = sum(contact[side]) / len(contact[side]) if contact[side] else math.nan
    return found


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_official_loops_with_views_repeats_and_hidden_hands(seed):
    rng = np.random.default_rng(seed)
    samples, views = 17, 3
    truth = rng.uniform(0, 1440, (samples, 5, 2, 2)) * (rng.random((samples, 5, 2, 1)) > 0.3)
    truth[0, 2, 1] = [0.0, 12.5]  # at the edge, in sight
    points = rng.uniform(-50, 1500, (samples, views, 5, 2, 2))
    metric = HandForecast(samples)
    rows = [(s, v) for s in range(samples) for v in range(views)]
    rows += rows[:7]  # what a padded sampler repeats
    for start in range(0, len(rows), 8):
        index, view = (torch.tensor(part) for part in zip(*rows[start : start + 8], strict=True))
        metric.update(torch.tensor(points[index, view]), torch.tensor(truth[index]), index, view)
    found = metric.compute()
    mean = {str(s): (SUMMED * points[s].mean(0)).flatten().tolist() for s in range(samples)}
    wanted = official(mean, {str(s): truth[s].flatten().tolist() for s in range(samples)})
    total = sum(wanted.values())
    assert found == pytest.approx({**wanted, TOTAL: total, HEADLINE: 500 / total}, abs=1e-9)
    np.testing.assert_allclose([metric.points[s] for s in range(samples)], points.mean(1).reshape(samples, 20))


def test_a_hand_that_is_never_seen_is_undefined_and_a_perfect_forecast_has_no_end():
    truth = torch.rand(3, 5, 2, 2) + 1
    found = displacements(truth, truth)
    assert found[TOTAL] == 0
    assert found[HEADLINE] == math.inf
    truth[:, :, 0] = 0
    found = displacements(torch.ones(3, 5, 2, 2), truth)
    assert math.isnan(found["left/M.Disp"])
    assert math.isnan(found[HEADLINE])
    assert found["right/C.Disp"] > 0


def test_figures_of_the_report_are_consistent_with_its_definition():
    """500 over the four printed errors of InternVideo's report is its 2.54, and 2.28 for the baseline's."""
    assert round(500 / (43.85 + 53.33 + 46.25 + 53.37), 2) == 2.54
    assert round(500 / (52.98 + 56.37 + 53.68 + 56.17), 2) == 2.28


def test_nothing_seen_or_not_finite_is_said():
    with pytest.raises(UserError, match="No test clip"):
        HandForecast(2).compute()
    metric = HandForecast(1)
    metric.update(torch.full((1, 5, 2, 2), math.nan), torch.ones(1, 5, 2, 2), torch.tensor([0]), torch.tensor([0]))
    with pytest.raises(UserError, match="not finite"):
        metric.compute()

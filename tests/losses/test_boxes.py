"""Losses of boxes against their definitions, the exact assignment against every assignment there is."""

from itertools import permutations

import numpy as np
import pytest
import torch

from internvideo_pl.losses.boxes import assign, generalised_overlap


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (3, 3), (3, 6), (4, 5), (5, 2)])
def test_no_assignment_costs_less(rows, columns):
    rng = np.random.default_rng(rows * 10 + columns)
    few, many = sorted((rows, columns))
    for _ in range(20):
        cost = rng.integers(0, 6, (rows, columns)).astype(float)  # with ties
        found = assign(torch.tensor(cost))
        assert [len(set(side)) for side in found] == [few, few]
        wide = cost if rows <= columns else cost.T
        least = min(wide[np.arange(few), list(chosen)].sum() for chosen in permutations(range(many), few))
        assert cost[found].sum() == least


def test_nothing_to_assign_and_what_is_no_number():
    assert assign(torch.zeros(0, 3)) == ([], [])
    assert assign(torch.full((1, 2), torch.nan))[0] == [0]  # the loss is not finite either, which ends the run


def slow_overlap(a: list[float], b: list[float]) -> float:
    """Generalised overlap as arXiv 1902.09630 writes it."""
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return shared / union - (hull - union) / hull


def test_generalised_overlap_is_its_definition():
    torch.manual_seed(0)
    sides = torch.rand(2, 12, 2, 2, dtype=torch.float64).sort(dim=2).values.flatten(2)  # x1, y1, x2, y2
    one, two = sides[0], torch.cat([sides[1, :8], sides[0, 8:]])  # the last four are equal
    found = generalised_overlap(one[:, None], two[None])
    for i, a in enumerate(one.tolist()):
        for j, b in enumerate(two.tolist()):
            assert found[i, j].item() == pytest.approx(slow_overlap(a, b), abs=1e-9)
    assert found.diagonal()[8:].tolist() == pytest.approx([1.0] * 4)


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], 1.0),
        ([0, 0, 1, 1], [1, 0, 2, 1], 0.0),  # they touch and fill their hull
        ([0, 0, 1, 1], [2, 0, 3, 1], -1 / 3),  # a third of the hull is in neither
        ([0, 0, 2, 1], [1, 0, 3, 1], 1 / 3),
        ([0, 0, 1, 1], [9, 9, 10, 10], -0.98),
        ([0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], 0.0),  # of no size: a number, not nan
    ],
)
def test_generalised_overlap_in_closed_form(one, two, wanted):
    boxes = torch.tensor([one, two], dtype=torch.float64, requires_grad=True)
    found = generalised_overlap(boxes[0], boxes[1])
    assert found.item() == pytest.approx(wanted, abs=1e-9)
    found.backward()
    assert boxes.grad.isfinite().all()

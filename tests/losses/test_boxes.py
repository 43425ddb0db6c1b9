"""The exact assignment of predictions to true boxes against every assignment there is."""

from itertools import permutations

import numpy as np
import pytest

from internvideo_pl.losses.boxes import assign


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (3, 3), (3, 6), (4, 5)])
def test_no_assignment_costs_less(rows, columns):
    rng = np.random.default_rng(rows * 10 + columns)
    for _ in range(20):
        cost = rng.integers(0, 6, (rows, columns)).astype(float)  # with ties
        found = assign(cost)
        assert len(set(found.tolist())) == rows
        least = min(cost[np.arange(rows), list(chosen)].sum() for chosen in permutations(range(columns), rows))
        assert cost[np.arange(rows), found].sum() == least


def test_nothing_to_assign():
    assert assign(np.zeros((0, 3))).tolist() == []

import math
import random
import statistics

import pytest

from internvideo_pl.tables.row import Coverage
from internvideo_pl.tables.seeds import NORMAL, STUDENT, mean_interval, results, student
from tests.tables.rows import k400, make_row


def student_cdf(t: float, freedom: int, steps: int = 20_000) -> float:
    """P(|T| <= t) by integrating the density (Simpson's rule)."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    width = t / steps
    density = [scale * (1 + (i * width) ** 2 / freedom) ** (-(freedom + 1) / 2) for i in range(steps + 1)]
    return 2 * width / 3 * (density[0] + density[-1] + 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2]))


@pytest.mark.parametrize("freedom", [1, 2, 5, 13, 30])
def test_the_table_is_students(freedom):
    assert student_cdf(STUDENT[freedom - 1], freedom) == pytest.approx(0.95, abs=1e-4)


def test_the_table_falls_to_the_normal():
    assert list(STUDENT) == sorted(STUDENT, reverse=True)
    assert len(STUDENT) == 30
    assert STUDENT[-1] > NORMAL


# degrees of freedom and the two-sided 95 % point, from printed tables of the distribution
@pytest.mark.parametrize(
    ("freedom", "wanted"), [(31, 2.0395), (40, 2.0211), (60, 2.0003), (80, 1.9901), (120, 1.9799), (1000, 1.9623)]
)
def test_beyond_the_table_it_is_still_students(freedom, wanted):
    assert student(freedom) == pytest.approx(wanted, abs=1e-4)
    assert student_cdf(student(freedom), freedom) == pytest.approx(0.95, abs=1e-6)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    generator = random.Random(0)
    covered = 0
    for _ in range(2000):
        low, high = mean_interval([generator.gauss(50, 3) for _ in range(4)])
        covered += low <= 50 <= high
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)


def test_many_seeds_and_undefined_values():
    values = [float(i % 7) for i in range(80)]
    low, high = mean_interval(values)
    assert high - low == pytest.approx(2 * 1.9905 * statistics.stdev(values) / math.sqrt(80), rel=1e-4)
    assert all(map(math.isnan, mean_interval([1.7e308, -1.7e308])))
    assert all(map(math.isnan, mean_interval([1.0, math.nan])))


def test_only_rows_that_differ_in_the_seed_are_one():
    same = [k400(90.0, seed=0, recipe="a"), k400(91.0, seed=1, recipe="a")]
    other = [
        k400(80.0, seed=2, recipe="b"),
        k400(80.0, seed=3, recipe="a", protocol={"split": "val", "views": "1x1"}),
        k400(80.0, seed=4, recipe="a", mini=True),
        k400(80.0, seed=5, recipe="a", model="ensemble"),
    ]
    found = results([*same, *other])
    assert [one.seeds for one in found] == [(0, 1), (2,), (3,), (4,), (5,)]
    assert found[0].row.value == 90.5


def test_unknown_recipes_are_shared_with_nobody():
    assert len(results([k400(90.0, seed=0), k400(91.0, seed=1)])) == 2


def test_of_a_seed_the_newest_row_counts():
    old = make_row(recipe="a", created="2026-01-01T00:00:00+00:00", metrics={"top1": 10.0})
    new = make_row(recipe="a", created="2026-01-02T00:00:00+00:00", metrics={"top1": 20.0})
    assert [one.row.value for one in results([new, old])] == [20.0]


def test_gaps_of_the_worst_seed_are_shown():
    full, gap = k400(90.0, seed=0, recipe="a"), k400(90.0, seed=1, recipe="a", coverage=Coverage(19000, 19877))
    (one,) = results([full, gap])
    assert one.row.coverage.used == 19000

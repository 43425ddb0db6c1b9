import math

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run.sweep.hyperband import Hyperband, read_hyperband


def test_brackets_are_those_of_the_documentation():
    assert read_hyperband({"type": "hyperband", "min_iter": 3}).brackets[:4] == (3, 9, 27, 81)
    assert read_hyperband({"type": "hyperband", "max_iter": 27, "s": 2}).brackets == (3, 9)
    assert read_hyperband({"type": "hyperband", "max_iter": 81, "s": 3, "eta": 3}).brackets == (3, 9, 27)


def test_one_of_eta_goes_on():
    rule = Hyperband((2,), eta=3)
    others = [[0.0, float(i)] for i in range(1, 9)]  # best by the second iteration: 1 .. 8
    kept = [value for value in (0.5, 5.5, 6.5, 8.5) if not rule.stops([0.0, value], others, maximize=True)]
    assert kept == [6.5, 8.5]  # among the best 3 of 9
    assert not rule.stops([9.0], others, maximize=True)  # not judged before its bracket
    assert not rule.stops([0.0, 0.0], [], maximize=True)  # nor alone


def test_less_may_be_better_and_the_best_so_far_counts():
    others = [[5.0, 4.0], [5.0, 3.0], [5.0, 2.0]]
    assert Hyperband((2,)).stops([5.0, 3.5], others, maximize=False)
    assert not Hyperband((2,)).stops([1.0, 9.0], others, maximize=False)
    assert Hyperband((2,), strict=True).stops([1.0, 9.0], others, maximize=False)


def test_only_trials_that_came_so_far_are_compared_with():
    rule = Hyperband((1, 4))
    assert not rule.stops([3.0] * 4, [[1.0], [1.0, 1.0]], maximize=False)


def test_what_is_not_finite_is_worst():
    assert Hyperband((1,), eta=2).stops([math.nan], [[1.0], [2.0]], maximize=False)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"type": "median"}, "type must be hyperband"),
        ({"type": "hyperband"}, "say min_iter, or max_iter and s"),
        ({"type": "hyperband", "min_itr": 3}, "Did you mean 'min_iter'"),
        ({"type": "hyperband", "min_iter": 0}, "from 1 to"),
        ({"type": "hyperband", "min_iter": 3, "eta": 1}, "above 1"),
    ],
)
def test_mistakes_are_sentences(said, says):
    with pytest.raises(UserError, match=says):
        read_hyperband(said)

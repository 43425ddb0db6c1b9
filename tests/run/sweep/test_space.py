import math
import statistics

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run.sweep.space import NEEDS, read_parameter

SAID = {
    "constant": {"value": 3},
    "categorical": {"values": ["a", [1, 2], None, True]},
    "int_uniform": {"min": 2, "max": 5},
    "uniform": {"min": 0.5, "max": 2.0},
    "q_uniform": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25},
    "log_uniform": {"distribution": "log_uniform", "min": -3, "max": 0},
    "log_uniform_values": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-1},
    "q_log_uniform_values": {"distribution": "q_log_uniform_values", "min": 1, "max": 1000, "q": 8},
    "inv_log_uniform_values": {"distribution": "inv_log_uniform_values", "min": 1e-4, "max": 1e-1},
    "normal": {"distribution": "normal", "mu": 5, "sigma": 2},
    "q_normal": {"distribution": "q_normal", "mu": 5, "sigma": 2, "q": 0.5},
    "log_normal": {"distribution": "log_normal", "mu": 0, "sigma": 1},
}


def drawn(kind: str, count: int = 400) -> list:
    optuna = pytest.importorskip("optuna", reason="the extra `sweep` is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parameter = read_parameter("x", SAID[kind])
    assert parameter.kind == kind
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [parameter.outer(study.ask({"x": parameter.distribution()}).params["x"]) for _ in range(count)]


def test_every_distribution_is_tried_here():
    assert SAID.keys() == NEEDS.keys()


@pytest.mark.parametrize(
    "kind", ["int_uniform", "uniform", "q_uniform", "log_uniform_values", "inv_log_uniform_values"]
)
def test_numbers_stay_between_their_ends(kind):
    values = drawn(kind)
    low, high = SAID[kind]["min"], SAID[kind]["max"]
    assert low <= min(values) < low + 0.2 * (high - low)
    assert high >= max(values) > (low + high) / 2


def test_logarithmic_ones_are_even_in_their_exponents():
    for kind, middle in (("log_uniform_values", -2.5), ("inv_log_uniform_values", -2.5)):
        assert statistics.median(map(math.log10, drawn(kind))) == pytest.approx(middle, abs=0.3)
    assert statistics.median(map(math.log, drawn("log_uniform"))) == pytest.approx(-1.5, abs=0.3)


def test_quantised_ones_are_multiples():
    assert {value % 8 for value in drawn("q_log_uniform_values")} == {0}
    assert set(drawn("q_uniform")) == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert all((2 * value).is_integer() for value in drawn("q_normal"))


def test_normal_ones_have_their_mean_and_deviation():
    values = drawn("normal", 2000)
    assert statistics.fmean(values) == pytest.approx(5, abs=0.2)
    assert statistics.stdev(values) == pytest.approx(2, abs=0.15)
    assert statistics.median(drawn("log_normal", 2000)) == pytest.approx(1, abs=0.1)


def test_choices_may_be_anything_and_have_probabilities():
    values = drawn("categorical")
    assert [values.count(choice) > 60 for choice in SAID["categorical"]["values"]] == [True] * 4
    parameter = read_parameter("x", {"values": ["a", "b", "c"], "probabilities": [0.2, 0.7, 0.1]})
    found = [parameter.outer((i + 0.5) / 1000) for i in range(1000)]
    assert [found.count(word) for word in "abc"] == [200, 700, 100]


def test_a_grid_has_every_value():
    assert read_parameter("x", {"min": 1, "max": 3}).grid() == (1, 2, 3)
    assert read_parameter("x", SAID["q_uniform"]).grid() == (0, 0.25, 0.5, 0.75, 1)
    with pytest.raises(UserError, match="endlessly many"):
        read_parameter("x", SAID["uniform"]).grid()


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (3, "must be a mapping"),
        ({"valuse": [1]}, "Did you mean 'value"),
        ({"distribution": "log_unifrom_values", "min": 1, "max": 2}, "Did you mean 'log_uniform_values'"),
        ({"distribution": "beta"}, "not one that is read"),
        ({"distribution": "normal", "mu": 0}, "normal needs mu and sigma|needs sigma"),
        ({"distribution": "normal", "mu": 0, "sigma": 0}, "sigma must be positive"),
        ({"min": 1}, "needs a value, values, or min and max"),
        ({"min": 2, "max": 1}, "min must be less than max"),
        ({"min": "low", "max": 1}, "min must be a number"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "must be positive"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "q must be positive"),
        ({"values": []}, "at least one value"),
        ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "add up to 1"),
        ({"parameters": {"lr": {"value": 1}}}, "name the inner keys with dots"),
    ],
)
def test_mistakes_are_sentences(said, says):
    with pytest.raises(UserError, match=says):
        read_parameter("optimizer", said)

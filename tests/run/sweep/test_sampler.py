"""What is tried next, and what mattered, on functions whose best is known."""

import math

import pytest

from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.sampler import draw, importance
from internvideo_pl.run.sweep.space import read_parameter
from internvideo_pl.run.sweep.trial import Trial

pytest.importorskip("optuna", reason="the extra `sweep` is not installed")

SPACE = {
    "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
    "depth": {"values": [1, 2, 4]},
    "idle": {"min": 0.0, "max": 1.0},
    "fixed": {"value": 7},
}


def make_sweep(method: str, tmp_path) -> Sweep:
    parameters = tuple(read_parameter(name, said) for name, said in SPACE.items())
    return Sweep("try", True, tmp_path, {}, "demo", (), method, "test/top1", True, parameters)


def score(values: dict) -> float:
    return 90 - 10 * (math.log10(values["lr"]) + 3) ** 2 + values["depth"]


def run(sweep: Sweep, count: int) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(count):
        values, inner = draw(sweep, number, trials)
        trials.append(Trial(number, values, inner, "done", score(values)))
    return trials


def test_a_random_trial_depends_on_its_number_alone(tmp_path):
    sweep = make_sweep("random", tmp_path)
    trials = run(sweep, 6)
    assert draw(sweep, 4, [])[0] == trials[4].values
    assert len({trial.values["lr"] for trial in trials}) == 6
    assert {trial.values["fixed"] for trial in trials} == {7}


def test_bayes_finds_more_than_chance(tmp_path):
    found = [trial.value for trial in run(make_sweep("bayes", tmp_path), 30)]
    blind = [trial.value for trial in run(make_sweep("random", tmp_path), 30)]
    assert sum(found[15:]) / 15 > sum(blind[15:]) / 15 + 3
    assert max(found) > 92


def test_running_and_failed_trials_do_no_harm(tmp_path):
    sweep = make_sweep("bayes", tmp_path)
    trials = run(sweep, 8)
    trials += [Trial(8, *draw(sweep, 8, trials)), Trial(9, *draw(sweep, 9, trials), state="failed")]
    values, _ = draw(sweep, 10, trials)
    assert values.keys() == SPACE.keys()


def test_importance_names_what_matters(tmp_path):
    sweep = make_sweep("random", tmp_path)
    shares = importance(sweep, run(sweep, 60))
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=shares.get) == "lr"
    assert "fixed" not in shares
    assert importance(sweep, run(sweep, 3)) == {}


def test_a_whole_grid_is_judged_by_its_main_effects(tmp_path):
    """Means 1 and 3 of a (variance 1), 1.75 and 2.25 of b (1/16)."""
    said = {"a": {"values": [1, 2]}, "b": {"values": [True, False]}, "fixed": {"value": 7}}
    parameters = tuple(read_parameter(name, words) for name, words in said.items())
    sweep = Sweep("try", True, tmp_path, {}, "demo", (), "grid", "test/top1", True, parameters)
    trials = []
    for number in range(4):
        values, inner = draw(sweep, number, trials)
        value = 2.0 * values["a"] - 1 + (0.25 if values["b"] else -0.25)
        trials.append(Trial(number, values, inner, "done", value))
    assert importance(sweep, trials) == pytest.approx({"a": 16 / 17, "b": 1 / 17})
    assert importance(sweep, trials[:3]) == {}
    alike = [Trial(trial.number, trial.values, {}, "done", 5.0) for trial in trials]
    assert importance(sweep, alike) == {}

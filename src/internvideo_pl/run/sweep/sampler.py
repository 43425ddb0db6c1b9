"""What the next trial of a sweep tries: the next point of its grid, or what optuna draws from all trials so far.

Optuna's study is made anew from the trials' files each time, so there is no second record that could disagree.
"""

import statistics
from collections.abc import Sequence
from typing import Any

from internvideo_pl.errors import UserError
from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.trial import Trial

BEFORE_BAYES = 5  # trials at random before there is something to learn from
FEWEST = 20  # trials outside a whole grid from which importance is estimated at all: optuna looks at the best tenth


def draw(sweep: Sweep, number: int, trials: Sequence[Trial]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(values by parameter, inner values) of the number-th trial.

    A grid's and a random one's depend on the number alone, whoever draws them; a bayesian one's on all trials so far.

    Raises:
        UserError: Optuna is not installed.
    """
    if sweep.method == "grid":
        return sweep.grid_point(number), {}
    optuna = _optuna()
    samplers = optuna.samplers
    if sweep.method == "bayes":
        sampler = samplers.TPESampler(seed=number, n_startup_trials=BEFORE_BAYES, constant_liar=True, multivariate=True)
    else:
        sampler = samplers.RandomSampler(seed=number)
    study = _study(sweep, trials if sweep.method == "bayes" else [], sampler)
    asked = study.ask(_distributions(sweep))
    values = {p.name: p.choices[0] if p.fixed else p.outer(asked.params[p.name]) for p in sweep.parameters}
    return values, dict(asked.params)


def importance(sweep: Sweep, trials: Sequence[Trial]) -> dict[str, float]:
    """Share of each varied parameter in how the metric varies; empty for too few trials.

    Of a whole grid they are its main effects: the variance of the means of a parameter's values, as a share of that of
    all parameters; how parameters work together is not in it. Else they are optuna's estimate (PED-ANOVA), from 20
    trials on.

    Raises:
        UserError: Optuna is not installed.
    """
    varied = [parameter for parameter in sweep.parameters if not parameter.fixed]
    done = [trial for trial in trials if trial.state == "done" and trial.value == trial.value]
    if len({trial.value for trial in done}) < 2:
        return {}
    if sweep.method == "grid" and len({tuple(map(str, trial.values.values())) for trial in done}) == sweep.grid_size():
        spread = {parameter.name: _main_effect(done, parameter.name) for parameter in varied}
        return {name: value / sum(spread.values()) for name, value in spread.items()} if any(spread.values()) else {}
    if len(done) < FEWEST:
        return {}
    optuna = _optuna()
    study = _study(sweep, done, None)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    total = sum(shares.values())
    return {parameter.name: shares.get(parameter.name, 0.0) / total if total else 0.0 for parameter in varied}


def _main_effect(trials: Sequence[Trial], name: str) -> float:
    """Variance of the metric's means over a parameter's values."""
    by_value: dict[str, list[float]] = {}
    for trial in trials:
        by_value.setdefault(str(trial.values[name]), []).append(trial.value)
    return statistics.pvariance([statistics.fmean(values) for values in by_value.values()])


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UserError(
            "A sweep without a Weights & Biases server runs through optuna, which is not installed: "
            "pip install 'internvideo_pl[sweep]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _distributions(sweep: Sweep) -> dict[str, Any]:
    return {parameter.name: parameter.distribution() for parameter in sweep.parameters if not parameter.fixed}


def _study(sweep: Sweep, trials: Sequence[Trial], sampler: Any) -> Any:
    """The trials as a study in memory; those that still run are in it, so that others do not try the same."""
    optuna = _optuna()
    study = optuna.create_study(direction="maximize" if sweep.maximize else "minimize", sampler=sampler)
    states, known = optuna.trial.TrialState, _distributions(sweep)
    for trial in trials:
        inner = trial.inner or {p.name: p.grid().index(trial.values[p.name]) for p in sweep.parameters if not p.fixed}
        kinds = (
            known
            if trial.inner
            else {
                p.name: optuna.distributions.IntDistribution(0, len(p.grid()) - 1)
                for p in sweep.parameters
                if not p.fixed
            }
        )
        if trial.state == "failed" or (trial.ended and trial.value != trial.value):
            study.add_trial(optuna.trial.create_trial(params=inner, distributions=kinds, state=states.FAIL))
        elif trial.ended:  # one that was stopped early has its best value so far
            study.add_trial(optuna.trial.create_trial(params=inner, distributions=kinds, value=trial.value))
        else:
            study.add_trial(optuna.trial.create_trial(params=inner, distributions=kinds, state=states.RUNNING))
    return study

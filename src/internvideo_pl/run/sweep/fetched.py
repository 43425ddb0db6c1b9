"""The trials of a sweep on a server, fetched into its folder as if they had run here."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from internvideo_pl.errors import RunFailed
from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.trial import State, Trial, Trials

STATES: dict[str, State] = {"finished": "done", "failed": "failed", "crashed": "failed", "killed": "stopped"}
SECONDS = "_runtime"  # in a run's summary


def fetch_trials(sweep: Sweep, path: str, folder: Path, gpus: int) -> list[Trial]:
    """Every run of the sweep on the server, in the order in which they began; kept as the folder's trials.

    Args:
        sweep: The sweep.
        path: What it is called on the server.
        folder: Its folder here.
        gpus: GPUs that each trial has had.

    Raises:
        RunFailed: The server does not answer.
    """
    import wandb

    try:
        runs = sorted(wandb.Api().sweep(path).runs, key=lambda run: str(run.created_at))
        found = [_trial(sweep, run, gpus) for run in runs]
    except (wandb.errors.Error, ValueError, OSError) as error:
        raise RunFailed(
            f"the server of Weights & Biases did not tell what the sweep {path} has found ({error}); "
            "the same command asks again"
        ) from error
    kept = Trials(folder)
    numbered = [replace(trial, number=number) for number, trial in enumerate(filter(None, found))]
    for trial in numbered:
        kept.path(trial.number).mkdir(parents=True, exist_ok=True)
        kept.write(trial)
    return numbered


def _trial(sweep: Sweep, run: Any, gpus: int) -> Trial | None:
    """A run as a trial; None before it has its parameters."""
    values = {parameter.name: _said(run.config, parameter.name) for parameter in sweep.parameters}
    values |= {parameter.name: parameter.choices[0] for parameter in sweep.parameters if parameter.fixed}
    if any(value is _ABSENT for value in values.values()):
        return None
    inner = {each.name: each.inner(values[each.name]) for each in sweep.parameters if not each.fixed}
    state, value = STATES.get(run.state, "running"), _number(run.summary.get(sweep.metric))
    seconds = _number(run.summary.get(SECONDS))
    seconds = seconds if math.isfinite(seconds) else 0.0
    note = f"run {run.id} {run.state} on the server" if state == "failed" else ""
    if state == "done" and not math.isfinite(value):
        state, note = "failed", f"its run {run.id} has no {sweep.metric}"
    value = value if state in ("done", "stopped") else math.nan
    return Trial(0, values, inner, state, value, (), seconds, gpus * seconds / 3600, note)


_ABSENT = object()


def _said(config: Mapping[str, Any], name: str) -> Any:
    """A parameter in a run's configuration: as the sweep has put it there, or where the experiment has it."""
    if name in config:
        return config[name]
    inner: Any = config
    for word in name.rpartition(":")[2].split("."):
        if not isinstance(inner, Mapping) or word not in inner:
            return _ABSENT
        inner = inner[word]
    return inner


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan

"""The best configuration of a sweep as an experiment file that can be run like any other."""

from pathlib import Path
from typing import Any

from internvideo_pl.config import load_experiment
from internvideo_pl.config.document import format_document
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.trial import Trial

FOLDER = "tuned"  # below experiments/


def write_best(sweep: Sweep, trial: Trial, root: Path) -> str:
    """Writes the best trial's values as a new experiment over the sweep's; no file is ever overwritten.

    For an experiment of stages every stage gets a file of its own, and one that runs them. What a mini sweep has found
    holds for the mini form.

    Args:
        sweep: The sweep.
        trial: Its best trial.
        root: Folder of the experiments.

    Returns:
        The experiment's name.
    """
    plan = load_experiment(sweep.experiment, schemas=SCHEMAS, root=root)
    number = 1
    while True:
        name = f"{FOLDER}/{sweep.name}{'_mini' if sweep.mini else ''}_{number}"
        files = _files(sweep, trial, plan.stages, name, root)
        paths = {root / f"{each}.yaml": text for each, text in files.items()}
        if all(path.is_file() and path.read_text(encoding="utf-8") == text for path, text in paths.items()):
            return name
        if not any(path.exists() for path in paths):
            break
        number += 1
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return name


def _files(sweep: Sweep, trial: Trial, stages: list[str], name: str, root: Path) -> dict[str, str]:
    """Experiment's name -> text of its file."""
    if not stages:
        return {name: _text(sweep, trial, name, sweep.experiment, _nested(trial.values))}
    renamed = {stage: f"{name}/{stage.replace('/', '_')}" for stage in stages}
    files = {name: _header(sweep, trial, name) + format_document({"stages": list(renamed.values())})}
    for stage, own in renamed.items():
        values = {key.partition(":")[2]: value for key, value in trial.values.items() if key.startswith(f"{stage}:")}
        shared = {key: value for key, value in trial.values.items() if ":" not in key}
        parents = load_experiment(stage, schemas=SCHEMAS, root=root).parents
        moved = {role: renamed[parent] for role, parent in parents.items() if parent in renamed}
        files[own] = _text(sweep, trial, own, stage, _nested({**shared, **values}), moved)
    return files


def _text(
    sweep: Sweep, trial: Trial, name: str, base: str, values: dict[str, Any], parents: dict[str, str] | None = None
) -> str:
    body: dict[str, Any] = {"extends": [base]}
    if parents:
        body["parents"] = parents
    if sweep.mini and values:
        body["mini"] = values
    elif not sweep.mini:
        body |= values if not parents else {**values, "parents": {**values.get("parents", {}), **parents}}
    return _header(sweep, trial, name) + format_document(body)


def _header(sweep: Sweep, trial: Trial, name: str) -> str:
    mini = " MINI=1" if sweep.mini else ""
    return (
        f"# Reproduces: nothing of the paper: the best of the sweep {sweep.name}, trial {trial.number}, over "
        f"{sweep.experiment}.\n"
        f"# Command:    make experiment NAME={name}{mini}\n"
        f"# Cost:       {trial.seconds:.0f} s as a trial of the sweep\n"
        f"# Expected:   {sweep.metric} {trial.value:.4g}, chosen as the best of the sweep and therefore flattering\n"
    )


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """`{"optimizer.lr": 1}` as `{"optimizer": {"lr": 1}}`."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = key.split(".")
        inner = nested
        for word in path:
            inner = inner.setdefault(word, {})
        inner[last] = value
    return nested

"""A sweep's file, `experiments/sweeps/<name>.yaml`, in Weights & Biases' own format; read, checked, made into commands.

Its mini form is a file of the same name below `experiments/sweeps/mini/`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from internvideo_pl.config.document import Document, read_document
from internvideo_pl.errors import UserError, hint
from internvideo_pl.folders import experiments_folder, yaml_names
from internvideo_pl.run.stages import load_stages
from internvideo_pl.run.sweep.hyperband import Hyperband, read_hyperband
from internvideo_pl.run.sweep.metrics import check_metric
from internvideo_pl.run.sweep.space import Parameter, read_parameter

FOLDER, MINI = "sweeps", "mini"
KEYS = (
    *("name", "description", "project", "entity", "program", "command", "method", "metric", "parameters"),
    *("early_terminate", "run_cap"),
)
WORDS = ("name", "description", "project", "entity", "program")  # keys whose value is text
METRIC = ("name", "goal", "target")
OPTIONS = ("--mini",)  # of `internvideo run`, that a command may have
METHODS = ("grid", "random", "bayes")
GOALS = ("minimize", "maximize")
ARGUMENTS = "${args_no_hyphens}"  # where Weights & Biases puts `key=value` of every parameter
PREFIX = ("${env}", "${interpreter}", "-m", "internvideo_pl", "run")
TRIALS = 20  # where neither the file nor the person says how many


@dataclass(frozen=True)
class Sweep:
    """A sweep, checked.

    Attributes:
        name: Of its file below `experiments/sweeps/`.
        mini: Whether it is the mini form.
        path: Its file.
        raw: The file's content, as Weights & Biases gets it.
        experiment: What every trial runs.
        words: What every trial gets besides its parameters: `key=value` and options of `internvideo run`.
        method: grid, random or bayes.
        metric: What is to be made good: a metric of the test (`test/top1`) or a logged value (`train/loss`).
        maximize: Whether more of it is better.
        target: With so good a metric no more trials are begun; None for no such value.
        parameters: What is varied.
        hyperband: When a trial is ended early; None for never.
        run_cap: Most trials; None where the file says nothing.
    """

    name: str
    mini: bool
    path: Path
    raw: Mapping[str, Any]
    experiment: str
    words: tuple[str, ...]
    method: str
    metric: str
    maximize: bool
    parameters: tuple[Parameter, ...]
    hyperband: Hyperband | None = None
    run_cap: int | None = None
    target: float | None = None

    def reached(self, value: float) -> bool:
        """Whether a trial's metric is as good as the sweep wants."""
        return self.target is not None and (value >= self.target if self.maximize else value <= self.target)

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """The `key=value` arguments of a trial."""
        return [f"{name}={written(value)}" for name, value in values.items()]

    def grid_size(self) -> int:
        """Trials of a grid."""
        size = 1
        for parameter in self.parameters:
            size *= len(parameter.grid())
        return size

    def grid_point(self, number: int) -> dict[str, Any]:
        """The number-th combination; the last parameter changes fastest."""
        values: dict[str, Any] = {}
        for parameter in reversed(self.parameters):
            choices = parameter.grid()
            number, at = divmod(number, len(choices))
            values[parameter.name] = choices[at]
        return {parameter.name: values[parameter.name] for parameter in self.parameters}


def written(value: Any) -> str:
    """A value as it stands after the equals sign on the command line."""
    return value if isinstance(value, str) and value.replace("_", "").isalnum() else json.dumps(value)


def list_sweeps(root: Path | None = None) -> list[str]:
    """Names of all sweeps."""
    folder = (experiments_folder() if root is None else root) / FOLDER
    return [name for name in yaml_names(folder) if not name.startswith(f"{MINI}/")] if folder.is_dir() else []


def read_sweep(name: str, mini: bool = False, root: Path | None = None) -> Sweep:
    """Reads and checks a sweep, and tries its experiment with the ends of every parameter.

    Args:
        name: Of its file below `experiments/sweeps/`; `sweeps/` may stand before it.
        mini: Whether its mini form is read.
        root: Folder of the experiments.

    Raises:
        UserError: There is no such sweep, a key is unknown, or a parameter is none of the experiment's.
    """
    name, known = name.removeprefix(f"{FOLDER}/"), list_sweeps(root)
    if name not in known:
        raise UserError(f"There is no sweep {name!r}.{hint(name, known)}")
    folder = (experiments_folder() if root is None else root) / FOLDER
    path = folder / MINI / f"{name}.yaml" if mini else folder / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"The sweep {name} has no mini form: it would stand in {path}")
    document = read_document(path)
    try:
        sweep = _sweep(name, mini, document)
        _try(sweep)
    except UserError as error:
        raise UserError(f"{document.place(())}: {error}") from error
    return sweep


def _sweep(name: str, mini: bool, document: Document) -> Sweep:
    said = document.values
    for key in said:
        if key not in KEYS:
            line = document.lines.get((str(key),))  # none for a key that is no word
            raise UserError(f"{f'line {line}: ' if line else ''}a sweep has no key {key!r}.{hint(key, KEYS)}")
    for key in WORDS:
        if not isinstance(said.get(key, ""), str):
            raise UserError(f"{key} must be text, got {said[key]!r}")
    for key in ("command", "method", "metric", "parameters"):
        if key not in said:
            raise UserError(f"a sweep needs {key}")
    if said["method"] not in METHODS:
        raise UserError(
            f"method must be one of {', '.join(METHODS)}, got {said['method']!r}.{hint(said['method'], METHODS)}"
        )
    metric = _metric(said["metric"])
    if not isinstance(said["parameters"], Mapping) or not said["parameters"]:
        raise UserError("parameters must name at least one key of the experiment")
    cap = said.get("run_cap")
    if cap is not None and (type(cap) is not int or cap < 1):
        raise UserError(f"run_cap must be a whole number of at least 1, got {cap!r}")
    experiment, words = _command(said["command"])
    early = said.get("early_terminate")
    return Sweep(
        name=name,
        mini=mini,
        path=document.path,
        raw=said,
        experiment=experiment,
        words=tuple(words),
        method=said["method"],
        metric=metric["name"],
        maximize=metric["goal"] == "maximize",
        parameters=tuple(read_parameter(key, value) for key, value in said["parameters"].items()),
        hyperband=read_hyperband(early) if early is not None else None,
        run_cap=cap,
        target=metric.get("target"),
    )


def _metric(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise UserError(f"metric must be {{name: test/top1, goal: maximize}}, got {said!r}")
    for key in said:
        if key not in METRIC:
            raise UserError(f"metric: there is no key {key!r}.{hint(key, METRIC)}")
    if not isinstance(said.get("name"), str) or said.get("goal") not in GOALS:
        raise UserError(
            f"metric must be {{name: test/top1, goal: maximize}}, the goal one of {', '.join(GOALS)}."
            f"{hint(said.get('goal', ''), GOALS)}"
        )
    target = said.get("target", 0)
    if type(target) not in (int, float) or not math.isfinite(target):
        raise UserError(f"metric: target must be a number, got {target!r}")
    return said


def _command(words: Any) -> tuple[str, list[str]]:
    """The experiment that the command runs, and what else it says."""
    right = isinstance(words, list) and tuple(words[: len(PREFIX)]) == PREFIX and words[-1] == ARGUMENTS
    if not right or len(words) < len(PREFIX) + 2:
        shown = ", ".join((*PREFIX, "<experiment>", ARGUMENTS))
        raise UserError(f"command must be [{shown}], with what every trial shares before the last word")
    experiment, *rest = words[len(PREFIX) : -1]
    for word in rest:
        if str(word).startswith("-") and word not in OPTIONS:
            raise UserError(
                f"command: {word!r} cannot stand here.{hint(str(word), OPTIONS)} Everything else is said as key=value"
            )
    return str(experiment), [str(word) for word in rest]


def _try(sweep: Sweep) -> None:
    """Load the experiment with the ends of every parameter: what cannot be is said before a trial runs.

    So is a metric that none of the runs logs, which would be found out after a whole training.
    """
    mini = "--mini" in sweep.words
    fixed = [word for word in sweep.words if not word.startswith("--")]
    first = {parameter.name: parameter.examples()[0] for parameter in sweep.parameters}
    for parameter in sweep.parameters:
        for value in parameter.examples():
            arguments = sweep.overrides({**first, parameter.name: value})
            try:
                _, runs = load_stages(sweep.experiment, [*fixed, *arguments], mini)
            except UserError as error:
                raise UserError(f"parameters.{parameter.name}={written(value)}: {error}") from error
            check_metric(sweep.metric, runs, early=sweep.hyperband is not None)
    if sweep.method == "grid":
        sweep.grid_size()

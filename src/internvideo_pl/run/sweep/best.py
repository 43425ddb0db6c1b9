"""The best configuration of a sweep as an experiment file that can be run like any other."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from internvideo_pl.config import load_experiment
from internvideo_pl.config.document import format_document
from internvideo_pl.config.overrides import apply_overrides
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.stages import of_stage
from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.trial import Trial

FOLDER = "tuned"  # below experiments/
DEVICES = "trainer.devices="
# What says where a trial ran, and not what it computed, is no part of the experiment; the GPUs stand in its command.
PLACES = ("paths.", "wandb.", "trainer.accelerator=", "trainer.num_nodes=", DEVICES)
PARENT = "~parents."  # one that is taken away can be said in a file, no other key can
PAUSE = 0.5  # seconds that another process gets to write the same files


def write_best(sweep: Sweep, trial: Trial, root: Path, overrides: Sequence[str] = ()) -> str:
    """Writes the best trial's values as a new experiment over the sweep's; no file is ever overwritten.

    For an experiment of stages every stage gets a file of its own, and one that runs them. What every trial was given
    besides is in the files too. What a mini sweep has found holds for the mini form.

    Args:
        sweep: The sweep.
        trial: Its best trial.
        root: Folder of the experiments.
        overrides: `key=value` arguments that every trial got on the command line.

    Returns:
        The experiment's name.
    """
    number = 1
    while True:
        name = f"{FOLDER}/{sweep.name}{'_mini' if sweep.mini else ''}_{number}"
        files = {root / f"{each}.yaml": text for each, text in _files(sweep, trial, overrides, name, root).items()}
        if all(path.is_file() and path.read_text(encoding="utf-8") == text for path, text in files.items()):
            return name
        if any(path.exists() for path in files):
            number += 1
        elif _write(files):
            return name
        else:
            time.sleep(PAUSE)


def _write(files: dict[Path, str]) -> bool:
    """Whether all are written; not where another process that works on the sweep was faster."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            return False
    return True


def _files(sweep: Sweep, trial: Trial, overrides: Sequence[str], name: str, root: Path) -> dict[str, str]:
    """Experiment's name -> text of its file."""
    plan = load_experiment(sweep.experiment, schemas=SCHEMAS, root=root)
    mini = sweep.mini or "--mini" in sweep.words or plan.mini_only
    words = [word for word in (*sweep.words, *overrides) if not word.startswith("--")]
    header = _header(sweep, trial, name, words)
    said = [*words, *sweep.overrides(trial.values)]
    if not plan.stages:
        return {name: header + _over(sweep.experiment, mini, _values(said, words))}
    renamed = {stage: f"{name}/{stage.replace('/', '_')}" for stage in plan.stages}
    files = {name: header + format_document({"extends": [sweep.experiment], "stages": list(renamed.values())})}
    for stage, own in renamed.items():
        header = _header(sweep, trial, own, of_stage(stage, plan.stages, words))
        values = _values(of_stage(stage, plan.stages, said), of_stage(stage, plan.stages, words))
        moved = {form: _moved(stage, form, renamed, root) for form in (False, True)}
        files[own] = header + _over(stage, mini, values, moved)
    return files


def _moved(stage: str, mini: bool, renamed: dict[str, str], root: Path) -> dict[str, str]:
    """Parents of a stage that are stages themselves, as they are called now."""
    parents = load_experiment(stage, mini=mini, schemas=SCHEMAS, root=root).parents
    return {role: renamed[parent] for role, parent in parents.items() if parent in renamed}


def _over(base: str, mini: bool, values: dict[str, Any], moved: dict[bool, dict[str, str]] | None = None) -> str:
    """A file over `base`: the parents that have moved in both its forms, the values in the one they were found in."""
    forms: dict[bool, dict[str, Any]] = {
        form: {"parents": parents} if parents else {} for form, parents in (moved or {False: {}, True: {}}).items()
    }
    parents = {**forms[mini].get("parents", {}), **values.get("parents", {})}
    if "checkpoint" in values:  # names the same weights
        parents.pop("backbone", None)
    forms[mini] |= values | ({"parents": parents} if parents else {})
    return format_document({"extends": [base], **forms[False], **({"mini": forms[True]} if forms[True] else {})})


def _values(said: Sequence[str], words: Sequence[str]) -> dict[str, Any]:
    """`["optimizer.lr=1"]` as `{"optimizer": {"lr": 1}}`, without what `words` say of places."""
    places = {word for word in words if word.startswith(PLACES)}
    values: dict[str, Any] = {}
    kept = [f"{word.removeprefix('~')}=null" if word.startswith(PARENT) else word for word in said]
    apply_overrides(values, [word for word in kept if word not in places and not word.startswith("~")], {})
    return values


def _header(sweep: Sweep, trial: Trial, name: str, words: Sequence[str]) -> str:
    gpus = [word.removeprefix(DEVICES) for word in words if word.startswith(DEVICES)]
    unsaid = " ".join(word for word in words if word.startswith("~") and not word.startswith(PARENT))
    options = (" MINI=1" if sweep.mini else "") + (f" GPUS={gpus[-1]}" if gpus else "")
    options += f' ARGS="{unsaid}"' if unsaid else ""
    return (
        f"# Reproduces: nothing of the paper: the best of the sweep {sweep.name}, trial {trial.number}, over "
        f"{sweep.experiment}.\n"
        f"# Command:    make experiment NAME={name}{options}\n"
        f"# Cost:       {trial.seconds:.0f} s as a trial of the sweep\n"
        f"# Expected:   {sweep.metric} {trial.value:.4g}, chosen as the best of the sweep and therefore flattering\n"
    )

"""`doctor`: all that can be checked of an experiment before a GPU is touched; docs/doctor.md explains each line."""

from collections.abc import Sequence
from pathlib import Path

import torch

from internvideo_pl.config import Experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.doctor.check import Check, counted
from internvideo_pl.data.doctor.machine import check_machine
from internvideo_pl.data.doctor.space import bytes_written, check_space
from internvideo_pl.errors import UserError
from internvideo_pl.folders import experiments_folder, yaml_names
from internvideo_pl.run.build import build_data, build_module, check_fit
from internvideo_pl.run.diagnosis import Diagnosis
from internvideo_pl.run.examine import datasets_of, examine
from internvideo_pl.run.inputs import INPUTS, find_input
from internvideo_pl.run.parents import missing_parents
from internvideo_pl.run.stages import load_stages
from internvideo_pl.run.weights import find_parent
from internvideo_pl.tables.render import print_table
from internvideo_pl.weights.released import HUB_ID, RELEASED


def main(
    name: str,
    overrides: list[str],
    mini: bool = False,
    data: str | None = None,
    *,
    sample: int,
    full: bool = False,
    json: bool = False,
) -> None:
    """Check an experiment, print what was found, and say whether it can run.

    Args:
        name: Path of its YAML below `experiments/`, without the suffix.
        overrides: `key=value` arguments, as for a run.
        mini: Whether the miniature and the tiny size are used.
        data: The dataset's folder.
        sample: Files of each dataset that are decoded.
        full: Whether all are.
        json: Print JSON instead of a table.

    Raises:
        UserError: The experiment is misspelt, or cannot run; what to do is said.
    """
    if sample < 1:
        raise UserError(f"--sample {sample} must be at least 1; --full decodes all files")
    _, stages = load_stages(name, overrides, mini, data)
    paths = stages[0].paths
    diagnosis = diagnose(name, stages, None if full else sample)
    findings = diagnosis.write(paths.cache / "doctor" / name)
    if json:
        print(diagnosis.to_json(findings))
    else:
        print_table(diagnosis.table(findings))
    if failures := diagnosis.failures:
        what = "; ".join(failures)
        raise UserError(f"{name} cannot run yet; {counted(len(failures), 'thing')} to mend, see above: {what}")


def diagnose(name: str, stages: Sequence[Experiment], sample: int | None) -> Diagnosis:
    """All checks of an experiment and its stages.

    Args:
        name: Of the experiment as a whole.
        stages: What it runs, in order.
        sample: Files of each dataset that are decoded; None for all.
    """
    diagnosis = Diagnosis(name, stages[0].mini)
    written: list[int | None] = []
    for number, stage in enumerate(stages):
        checks, size = _check_model(stage)
        written.append(size)
        diagnosis.lines += [(stage.name, check) for check in check_experiment(stage, stages[:number]) + checks]
    for dataset in datasets_of(stages):
        lines, manifest = examine(dataset, sample)
        diagnosis.lines += lines
        diagnosis.manifests += [manifest] if manifest else []
    first = stages[0].trainer
    configs = [stage.data for stage in stages if stage.data is not None]
    machine = check_machine(first.accelerator, first.devices, first.precision, configs)
    needed = sum(size for size in written if size is not None) if None not in written else None
    machine.append(check_space(stages[0].paths.results, needed))
    diagnosis.lines += [("machine", check) for check in machine]
    return diagnosis


def check_experiment(experiment: Experiment, earlier: Sequence[Experiment]) -> list[Check]:
    """Whether the parts fit together and the weights that it starts from are there.

    Args:
        experiment: One stage.
        earlier: The stages before it, whose weights it may start from.
    """
    try:
        check_fit(experiment)
    except UserError as error:
        return [Check("parts", "fails", str(error), todo="change its YAML file, or ARGS=")]
    parts = ", ".join(getattr(experiment, part).name for part in ("data", "backbone", "objective"))
    checks = [Check("parts", "ok", f"{parts} fit together")]
    for role, parent in experiment.parents.items():
        checks.append(_check_parent(experiment, role, parent, earlier))
    return checks


def _check_parent(experiment: Experiment, role: str, parent: str, earlier: Sequence[Experiment]) -> Check:
    if parent in [stage.name for stage in earlier]:
        return Check(f"parent, {role}", "ok", f"{parent} runs before it")
    if parent in missing_parents(experiment):
        return Check(f"parent, {role}", "ok", f"{parent} was never run; the same command runs its miniature first")
    try:
        if role in INPUTS:
            path = find_input(role, parent, experiment, {})
        else:
            path = find_parent(parent, experiment.paths.results, experiment.mini, {}, download=False)
    except UserError as error:
        if _is_downloaded(parent):
            return Check(f"parent, {role}", "warning", f"{parent} is not here yet; the run downloads it")
        return Check(f"parent, {role}", "fails", str(error), todo=f"make experiment NAME={parent}, or name a file")
    return Check(f"parent, {role}", "ok", str(path))


def _is_downloaded(parent: str) -> bool:
    """Whether a run would fetch a parent that is not here: released weights, or another file of a hub."""
    if parent in RELEASED:
        return RELEASED[parent].repository is not None
    folders = {name.split("/")[0] for name in yaml_names(experiments_folder())}
    return bool(HUB_ID.fullmatch(parent)) and parent.split("/")[0] not in folders and not Path(parent).suffix


def _check_model(experiment: Experiment) -> tuple[list[Check], int | None]:
    """Builds the model without allocating it; also how many bytes a run writes, None where that is not known yet."""
    try:
        check_fit(experiment)
        data = build_data(experiment, FrameCache())
        _ = data.classes  # a classifier's size
    except UserError:  # which other lines tell of
        return [], None
    try:
        with torch.device("meta"):
            weights = list(build_module(experiment, data, None, total_steps=1).parameters())
    except UserError as error:
        return [Check("model", "fails", str(error))], None
    trained = sum(weight.numel() for weight in weights if weight.requires_grad)
    total = sum(weight.numel() for weight in weights)
    sentence = f"{total / 1e6:,.1f} M weights, {trained / 1e6:,.1f} M of them trained"
    return [Check("model", "ok", sentence)], bytes_written(trained, total - trained)

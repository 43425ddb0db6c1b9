"""Experiment to objects: data, module with weights, trainer length. The only place that knows all of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data_modules import DATASETS
from internvideo_pl.backbones.compiled import compile_blocks, require_compiler
from internvideo_pl.config import Experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.manifest import Manifest
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.mini.layouts import MINIS
from internvideo_pl.data.mixture import MixtureData
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.errors import UserError, hint
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.run.batches import StepBatch
from internvideo_pl.run.tasks import TASKS, Parents


def check_fit(experiment: Experiment) -> None:
    """Refuse an experiment whose parts do not go together, before anything is read or made.

    Raises:
        UserError: A part is missing, or the objective cannot use the backbone or a parent.
    """
    for part in ("data", "backbone", "objective"):
        if getattr(experiment, part) is None:
            raise UserError(f"{experiment.name} names no {part}: give it one in its file")
    if experiment.trainer.max_steps < 0 and experiment.trainer.max_epochs < 0:
        raise UserError("this run would never end: set trainer.max_steps or trainer.max_epochs")
    name = experiment.objective.name
    task = TASKS[name]
    if not isinstance(experiment.backbone, task.backbones):
        raise UserError(f"objective {name!r} cannot use the backbone {experiment.backbone.name!r}")
    if isinstance(experiment.data, MixtureConfig) and task.recognizes:
        raise UserError(f"objective {name!r} wants the classes of one dataset, not a mixture: choose another data.name")
    for role in experiment.parents:
        if role not in task.roles:
            raise UserError(f"parents.{role}: objective {name!r} starts from {' and '.join(task.roles)} only")
    if experiment.trainer.compile:
        require_compiler(experiment.trainer.accelerator != "cpu" and torch.cuda.is_available())
    if "second" in experiment.parents and getattr(experiment.backbone, "second", None) is None:
        raise UserError(
            "parents.second: this backbone has no second video tower; give it one with backbone.second.size="
        )


def readers_of(experiment: Experiment) -> dict[str, Experiment]:
    """The experiment once for each dataset that it reads: the parts of a mixture with a weight, by name, or itself.

    Raises:
        UserError: A part names no dataset, or one that cannot be a part.
    """
    config = experiment.data
    if not isinstance(config, MixtureConfig):
        return {config.name: experiment}
    readers = {}
    for name, part in config.parts.items():
        dataset = part.dataset or name
        if part.weight == 0:
            continue
        if dataset not in DATASETS or issubclass(DATASETS[dataset][0], MixtureData):
            raise UserError(f"data.parts.{name}: there is no dataset {dataset!r}.{hint(dataset, DATASETS)}")
        own = config.of_part(name, DATASETS[dataset][1])
        if own.root is None and not DATASETS[dataset][0].official:
            own.root = experiment.paths.data / name
        readers[name] = replace(experiment, data=own)
    return readers


def data_root(experiment: Experiment) -> Path:
    """The folder of an experiment's dataset; makes the miniature first when the experiment is mini.

    Of a mixture it is the folder of all datasets, and the miniatures of its parts are made.

    Raises:
        UserError: The dataset has no miniature, or is a person's own and was not named.
    """
    config, paths = experiment.data, experiment.paths
    if isinstance(config, MixtureConfig):
        for reader in readers_of(experiment).values():
            data_root(reader)
        return paths.data
    kind, _ = DATASETS[config.name]
    if config.root is not None:
        return config.root.expanduser()
    if not kind.official:
        raise UserError(f"name the folder of your videos: make experiment NAME={experiment.name} DATA=<folder>")
    name = kind.folder_name or config.name
    if not experiment.mini:
        return paths.data / name
    name = config.name if config.name in MINIS else name  # its own, or that of the shared folder
    if name not in MINIS:
        raise UserError(f"{config.name} has no miniature; name its folder with ARGS=data.root=<folder>")
    return make_mini(name, paths.cache / "mini", **config.mini_sizes)


def build_data(experiment: Experiment, cache: FrameCache) -> VideoData:
    """The DataModule of an experiment.

    Raises:
        UserError: As `data_root`.
    """
    config = experiment.data
    if isinstance(config, MixtureConfig):
        parts = {name: build_data(reader, cache) for name, reader in readers_of(experiment).items()}
        return MixtureData(config, parts, experiment.seed, cache)
    kind, _ = DATASETS[config.name]
    root = data_root(experiment)
    return kind(experiment.data, root, experiment.seed, cache, Manifest.load(experiment.paths.cache, root))


def check_labels(experiment: Experiment, data: VideoData) -> None:
    """Refuse to test recognition on a list that has no labels.

    Raises:
        UserError: The test list names no class for its first video.
    """
    if data.classes and TASKS[experiment.objective.name].recognizes and data.split("test").samples[0].label < 0:
        raise UserError(
            f"{data.facts.name}'s {data.test_list} list under {data.root} has no labels; test on data.test_on=val"
        )


def build_module(experiment: Experiment, data: VideoData, parents: Parents, total_steps: int) -> VideoModule:
    """The LightningModule of an experiment, with its parents' weights in place."""
    optimisation: dict[str, Any] = {
        "optimizer": experiment.optimizer,
        "total_steps": total_steps,
        "global_batch": StepBatch.of(experiment).size,
    }
    module = TASKS[experiment.objective.name].build(experiment, data, parents, optimisation)
    if experiment.trainer.compile:
        compile_blocks(module.objective)
    return module


def saved_model(module: VideoModule) -> nn.Module:
    """The part of a module that later runs start from: without its objective's own state."""
    objective: Any = module.objective
    for name in ("model", "encoder"):
        if hasattr(objective, name):
            return getattr(objective, name)
    return objective

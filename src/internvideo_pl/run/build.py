"""Experiment to objects: data, module with weights, trainer length. The only place that knows all of them."""

from pathlib import Path
from typing import Any

from torch import nn

from data_modules import DATASETS
from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.mini.layouts import MINIS
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.modules.recognition import Recognition
from internvideo_pl.modules.zero_shot import ZeroShotRecognition
from internvideo_pl.objectives.align import Alignment
from internvideo_pl.objectives.masked import MaskedModeling
from internvideo_pl.objectives.supervised import Supervised
from internvideo_pl.run.weights import load_backbone
from internvideo_pl.text.prompts import ACTION_TEMPLATES

Parents = dict[str, Path]

# objective -> the kinds of backbone that it can train, and the roles of parents that it can start from
FITTING: dict[str, tuple[tuple[type, ...], tuple[str, ...]]] = {
    "masked": ((MaskedChoice,), ("backbone",)),
    "align": ((MultimodalChoice,), ("backbone",)),
    "supervised": ((MaskedChoice, TowerChoice), ("backbone",)),
    "zero_shot": ((MultimodalChoice,), ("backbone",)),
}


def check_fit(experiment: Experiment) -> None:
    """Refuse an experiment whose parts do not go together, before anything is read or made.

    Raises:
        UserError: A part is missing, or the objective cannot use the backbone or a parent.
    """
    for part in ("data", "backbone", "objective"):
        if getattr(experiment, part) is None:
            raise UserError(f"{experiment.name} names no {part}: give it one in its file")
    name = experiment.objective.name
    kinds, roles = FITTING[name]
    if not isinstance(experiment.backbone, kinds):
        raise UserError(f"objective {name!r} cannot use the backbone {experiment.backbone.name!r}")
    for role in experiment.parents:
        if role not in roles:
            raise UserError(f"parents.{role}: objective {name!r} starts from {' and '.join(roles)} only")


def build_data(experiment: Experiment) -> VideoData:
    """The DataModule of an experiment; makes the miniature first when the experiment is mini.

    Raises:
        UserError: The dataset is not on disk, or has no miniature.
    """
    config, paths = experiment.data, experiment.paths
    kind, _ = DATASETS[config.name]
    if config.root is not None:
        root = config.root.expanduser()
    elif experiment.mini:
        if config.name not in MINIS:
            raise UserError(f"{config.name} has no miniature; name its folder with ARGS=data.root=<folder>")
        root = make_mini(config.name, paths.cache / "mini")
    else:
        root = paths.data / config.name
    return kind(config, root, experiment.seed)


def build_module(experiment: Experiment, data: VideoData, parents: Parents, total_steps: int) -> VideoModule:
    """The LightningModule of an experiment, with its parents' weights in place."""
    trainer = experiment.trainer
    devices = trainer.devices if isinstance(trainer.devices, int) else 1
    batch = experiment.data.batch_size * trainer.accumulate_grad_batches * devices * trainer.num_nodes
    optimisation: dict[str, Any] = {
        "optimizer": experiment.optimizer,
        "total_steps": total_steps,
        "global_batch": batch,
    }
    return BUILDERS[experiment.objective.name](experiment, data, parents, optimisation)


def _masked(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    model = experiment.backbone.build_autoencoder()
    _start(model, parents)
    return MaskedReconstruction(MaskedModeling(model, experiment.objective), **optimisation)


def _align(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    encoder = experiment.backbone.build()
    _start(encoder, parents)
    return ContrastiveAlignment(Alignment(encoder, experiment.objective), **optimisation)


def _supervised(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    backbone = experiment.backbone.build()
    _start(backbone, parents)
    model = Classifier(backbone, len(data.classes), experiment.objective.head)
    return Recognition(Supervised(model, experiment.objective), **optimisation)


def _zero_shot(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    encoder = experiment.backbone.build()
    _start(encoder, parents)
    templates = ACTION_TEMPLATES if experiment.objective.prompts == "kinetics" else ("{}",)
    return ZeroShotRecognition(encoder, templates, **optimisation)


BUILDERS = {
    "masked": _masked,
    "align": _align,
    "supervised": _supervised,
    "zero_shot": _zero_shot,
}


def _start(backbone: nn.Module, parents: Parents) -> None:
    if "backbone" in parents:
        load_backbone(backbone, parents["backbone"])


def saved_model(module: VideoModule) -> nn.Module:
    """The part of a module that later runs start from: without its objective's own state."""
    objective: Any = module.objective
    for name in ("model", "encoder"):
        if hasattr(objective, name):
            return getattr(objective, name)
    return objective

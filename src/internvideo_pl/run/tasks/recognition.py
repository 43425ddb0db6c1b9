"""Recognition of classes: by one trained encoder, by two that are joined or added up, by class names alone."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from internvideo_pl.backbones.choices import (
    CoordinatedChoice,
    EnsembleChoice,
    MaskedChoice,
    MultimodalChoice,
    TowerChoice,
)
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.heads.coordinated import DROPOUT, CoordinatedClassifier, InternVideoT, LogitEnsemble
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.coordinated import CoordinatedFusion
from internvideo_pl.modules.recognition import Recognition
from internvideo_pl.modules.zero_shot import ZeroShotRecognition
from internvideo_pl.objectives.supervised import Supervised, SupervisedConfig
from internvideo_pl.run.tasks.task import Parents, Task, start
from internvideo_pl.text.prompts import ACTION_TEMPLATES


@dataclass(kw_only=True)
class Supervise(SupervisedConfig):
    """Recognition with a classifier on any video backbone.

    Attributes:
        head: The classifier.
    """

    head: ClassifyHeadConfig
    name: Literal["supervised"] = "supervised"


@dataclass(kw_only=True)
class Coordinate(SupervisedConfig):
    """Recognition with two post-trained encoders, joined or merely added up.

    Attributes:
        masked_head: The masked encoder's classifier, as it was post-trained.
        multimodal_head: The video tower's.
        dropout: Rate in front of both classifiers in coordination; 0.9 in the paper.
    """

    masked_head: ClassifyHeadConfig
    multimodal_head: ClassifyHeadConfig
    dropout: float = DROPOUT
    name: Literal["coordinate"] = "coordinate"


@dataclass(kw_only=True)
class ZeroShot:
    """Zero-shot recognition with a multimodal backbone; nothing is trained.

    Attributes:
        prompts: Sentences made of a class name: "kinetics" (16 templates, as in InternVideo's release) or "name" (the
            class name itself, where it already is a sentence).
    """

    prompts: Literal["kinetics", "name"] = "kinetics"
    name: Literal["zero_shot"] = "zero_shot"


def _supervised(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    model = Classifier(experiment.backbone.build(), len(data.classes), experiment.objective.head)
    start(model, parents, data)
    return Recognition(Supervised(model, experiment.objective), **optimisation)


def _coordinate(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    choice, objective = experiment.backbone, experiment.objective
    masked = _classifier(choice.masked.build(), data, objective.masked_head, parents, "masked")
    multimodal = _classifier(choice.multimodal.build(), data, objective.multimodal_head, parents, "multimodal")
    if isinstance(choice, EnsembleChoice):
        return CoordinatedFusion(Supervised(LogitEnsemble([masked, multimodal]), objective), **optimisation)
    joined = choice.build(masked.backbone, multimodal.backbone)
    model = CoordinatedClassifier(joined, multimodal.head, masked.head, objective.dropout)
    if choice.second is None:
        return CoordinatedFusion(Supervised(model, objective), **optimisation)
    second = _classifier(choice.second.build(), data, objective.multimodal_head, parents, "second")
    extended = InternVideoT(model, second, objective.dropout)
    return CoordinatedFusion(Supervised(extended, objective), **optimisation)


def _classifier(
    backbone: nn.Module, data: VideoData, head: ClassifyHeadConfig, parents: Parents, role: str
) -> Classifier:
    """A classifier as a post-training run left it."""
    model = Classifier(backbone, len(data.classes), head)
    if parents is None:
        return model
    if role not in parents:
        raise UserError(f"coordination starts from post-trained encoders: name one with parents.{role}=")
    parents.fill(role, model, data=data)
    return model


def _zero_shot(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    encoder = experiment.backbone.build()
    start(encoder, parents)
    templates = ACTION_TEMPLATES if experiment.objective.prompts == "kinetics" else ("{}",)
    return ZeroShotRecognition(encoder, templates, **optimisation)


SUPERVISED = Task(Supervise, (MaskedChoice, TowerChoice), _supervised, recognizes=True)
COORDINATE = Task(
    Coordinate,
    (CoordinatedChoice, EnsembleChoice),
    _coordinate,
    roles=("masked", "multimodal", "second"),
    recognizes=True,
)
ZERO_SHOT = Task(ZeroShot, (MultimodalChoice,), _zero_shot, recognizes=True)

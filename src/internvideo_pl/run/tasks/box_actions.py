"""Spatio-temporal localisation: actions of boxes, by one encoder or by two that are coordinated."""

from dataclasses import dataclass
from typing import Any, Literal

from internvideo_pl.backbones.choices import CoordinatedChoice, MaskedChoice, TowerChoice
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.config import Experiment
from internvideo_pl.data.keyframe_data import KeyframeData
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import ClassifyHeadConfig
from internvideo_pl.heads.coordinated import DROPOUT
from internvideo_pl.heads.roi import BoxClassifier, CoordinatedBoxClassifier
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.box_actions import BoxActionDetection
from internvideo_pl.objectives.box_actions import BoxActions, BoxActionsConfig
from internvideo_pl.run.tasks.task import Parents, Task


@dataclass(kw_only=True)
class BoxActionsChoice(BoxActionsConfig):
    """Actions of boxes on key frames.

    Attributes:
        head: The boxes' classifier.
        context: The class token's, in coordination; its start scale is not used.
        dropout: Rate in front of both in coordination; 0.9 in the paper.
    """

    head: ClassifyHeadConfig
    context: ClassifyHeadConfig | None = None
    dropout: float = DROPOUT
    name: Literal["box_actions"] = "box_actions"


def _build(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    if isinstance(data, VideoData) and not isinstance(data, KeyframeData):
        raise UserError(f"objective 'box_actions' wants boxes on key frames, which {data.facts.name} has not: name ava")
    choice, objective = experiment.backbone, experiment.objective
    classes = len(data.classes)
    if isinstance(choice, CoordinatedChoice):
        model: Any = _coordinated(choice, objective, classes, parents)
    else:
        model = _single(choice, classes, objective.head)
        if parents and "backbone" in parents:
            parents.fill("backbone", model.backbone, head=False)
    return BoxActionDetection(BoxActions(model, objective), classes, **optimisation)


def _single(choice: MaskedChoice | TowerChoice, classes: int, head: ClassifyHeadConfig) -> BoxClassifier:
    """An encoder whose tokens are normalised one by one, where it has a LayerNorm for that."""
    if isinstance(choice, MaskedChoice):
        return BoxClassifier(MaskedEncoder(choice.config("tokens")), classes, head)
    return BoxClassifier(choice.build(), classes, head)


def _coordinated(
    choice: CoordinatedChoice, objective: BoxActionsChoice, classes: int, parents: Parents
) -> CoordinatedBoxClassifier:
    """A masked encoder trained on boxes and a video tower of any training, joined."""
    assert choice.masked is not None
    assert choice.multimodal is not None
    if choice.second is not None:
        raise UserError("objective 'box_actions' joins two encoders: leave backbone.second out")
    masked, tower = _single(choice.masked, classes, objective.head), choice.multimodal.build()
    if parents is not None:
        for role in ("masked", "multimodal"):
            if role not in parents:
                raise UserError(f"coordination starts from trained encoders: name one with parents.{role}=")
        parents.fill("masked", masked)
        parents.fill("multimodal", tower, head=False)
    context = objective.context or ClassifyHeadConfig(norm=True)
    return CoordinatedBoxClassifier(choice.build(masked.backbone, tower), masked.box_head, context, objective.dropout)


BOX_ACTIONS = Task(
    BoxActionsChoice,
    (MaskedChoice, TowerChoice, CoordinatedChoice),
    _build,
    roles=("backbone", "masked", "multimodal"),
)

"""Short-term anticipation: what happens next to the objects that a detector found, and when."""

from dataclasses import dataclass
from typing import Any, Literal

from internvideo_pl.backbones.choices import MaskedChoice, TowerChoice
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.next_objects import NextObjectData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.anticipate import ObjectAnticipator
from internvideo_pl.heads.classify import ClassifyHeadConfig
from internvideo_pl.modules.anticipation import ObjectAnticipation
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.objectives.anticipate import Anticipation, AnticipationConfig
from internvideo_pl.run.tasks.task import Parents, Task, start, start_trained

VERBS = 74  # of Ego4D v1; where the data are not here, for the model's shape alone


@dataclass(kw_only=True)
class Anticipate(AnticipationConfig):
    """Verb and time to contact of a detector's boxes, on any video backbone.

    Attributes:
        head: The classifiers of the boxes.
    """

    head: ClassifyHeadConfig
    name: Literal["anticipate"] = "anticipate"


def _anticipate(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    choice, objective = experiment.backbone, experiment.objective
    if isinstance(data, VideoData) and not isinstance(data, NextObjectData):
        raise UserError(f"objective 'anticipate' wants objects that are touched next, which {data.facts.name} has not")
    backbone = MaskedEncoder(choice.config("tokens")) if isinstance(choice, MaskedChoice) else choice.build()
    verbs = len(data.verbs) if isinstance(data, NextObjectData) else VERBS
    model = ObjectAnticipator(backbone, verbs, objective.head)
    start(model.backbone, parents)
    start_trained(model, parents)
    return ObjectAnticipation(Anticipation(model, objective), **optimisation)


ANTICIPATE = Task(Anticipate, (MaskedChoice, TowerChoice), _anticipate, roles=("backbone", "trained"))

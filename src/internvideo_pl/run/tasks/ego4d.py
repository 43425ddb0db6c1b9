"""Ego4D's tasks."""

from dataclasses import dataclass
from typing import Any, Literal

from internvideo_pl.backbones.choices import MaskedChoice, TowerChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.heads.hands import HandForecaster, HandHeadConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.hands import HandPrediction
from internvideo_pl.objectives.hands import HandForecasting, HandForecastingConfig
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class Hands(HandForecastingConfig):
    """Future hand prediction with a regression on any video backbone.

    Attributes:
        head: The regression.
    """

    head: HandHeadConfig
    name: Literal["hands"] = "hands"


def _hands(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    model = HandForecaster(experiment.backbone.build(), experiment.objective.head)
    start(model, parents)
    return HandPrediction(HandForecasting(model, experiment.objective), **optimisation)


HANDS = Task(Hands, (MaskedChoice, TowerChoice), _hands)

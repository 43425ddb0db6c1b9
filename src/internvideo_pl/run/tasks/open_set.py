"""Open-set recognition: known classes are told apart, unknown ones noticed by how little evidence there is."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from internvideo_pl.backbones.choices import MaskedChoice, TowerChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.open_set import OpenSetRecognition
from internvideo_pl.objectives.evidential import Evidential, EvidentialConfig
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class OpenSet(EvidentialConfig):
    """Open-set recognition with an evidential classifier on any video backbone.

    Attributes:
        head: The classifier.
    """

    head: ClassifyHeadConfig
    name: Literal["open_set"] = "open_set"


def _open_set(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    model = Classifier(experiment.backbone.build(), len(data.classes), experiment.objective.head)
    start(model, parents, data)
    epochs = float(experiment.trainer.max_epochs)
    if epochs <= 0:
        epochs = optimisation["total_steps"] * optimisation["global_batch"] / data.facts.splits["train"]
    objective = Evidential(model, experiment.objective, max(epochs, math.ulp(1.0)))
    return OpenSetRecognition(objective, **optimisation)


OPEN_SET = Task(OpenSet, (MaskedChoice, TowerChoice), _open_set, recognizes=True)

"""Ego4D's tasks."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.heads.actionformer import ActionFormer
from internvideo_pl.heads.hands import HandForecaster, HandHeadConfig
from internvideo_pl.heads.span import SpanHead, SpanHeadConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.hands import HandPrediction
from internvideo_pl.modules.moments import MomentLocalization
from internvideo_pl.modules.span import SpanLocalization
from internvideo_pl.objectives.hands import HandForecasting, HandForecastingConfig
from internvideo_pl.objectives.localize import Localization
from internvideo_pl.objectives.span import SpanConfig, Spans
from internvideo_pl.run.tasks.localization import FeaturesChoice, Localize, find_segments
from internvideo_pl.run.tasks.task import Parents, Task, start, start_trained


@dataclass(kw_only=True)
class Hands(HandForecastingConfig):
    """Future hand prediction with a regression on any video backbone.

    Attributes:
        head: The regression.
    """

    head: HandHeadConfig
    name: Literal["hands"] = "hands"


@dataclass(kw_only=True)
class Queries(SpanConfig):
    """Natural-language queries: a span head on features of long clips and on the words of a multimodal text tower.

    Attributes:
        width: Of the features, of both kinds together where there are two.
        head: The span head.
    """

    width: int
    head: SpanHeadConfig = field(default_factory=SpanHeadConfig)
    name: Literal["queries"] = "queries"


@dataclass(kw_only=True)
class Moments(Localize):
    """Moment queries: ActionFormer on features, scored by average precision and by recall."""

    name: Literal["moments"] = "moments"  # type: ignore[assignment]


def _hands(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    model = HandForecaster(experiment.backbone.build(), experiment.objective.head)
    start(model, parents)
    start_trained(model, parents)
    return HandPrediction(HandForecasting(model, experiment.objective), **optimisation)


def _queries(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    encoder, objective = experiment.backbone.build(), experiment.objective
    start(encoder, parents)
    head = SpanHead(objective.width, encoder.config.text.width, objective.head)
    start_trained(head, parents)
    return SpanLocalization(Spans(head, objective), encoder.text, **optimisation)


def _moments(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    objective = experiment.objective
    model = ActionFormer(experiment.backbone.width, len(data.classes), objective.head)
    start_trained(model, parents)
    find = partial(find_segments, objective.detect)
    return MomentLocalization(Localization(model, objective), find, 0, **optimisation)


HANDS = Task(Hands, (MaskedChoice, TowerChoice), _hands, roles=("backbone", "trained"))
QUERIES = Task(Queries, (MultimodalChoice,), _queries, roles=("backbone", "features", "more_features", "trained"))
MOMENTS = Task(Moments, (FeaturesChoice,), _moments, roles=("features", "more_features", "trained"))

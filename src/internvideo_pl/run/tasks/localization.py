"""Temporal localisation: features of long videos over time, then detectors on them."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from internvideo_pl.backbones.choices import CoordinatedChoice, MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.backbones.clip_vector import ClipVector
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.temporal.module import LocalizationData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.actionformer import ActionFormer, ActionFormerConfig
from internvideo_pl.heads.detect_segments import DetectConfig, Detections, detect, detect_proposals
from internvideo_pl.heads.tcanet import Tcanet, TcanetConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.extraction import FeatureExtraction
from internvideo_pl.modules.localization import TemporalLocalization
from internvideo_pl.objectives.localize import Localization, LocalizationObjective
from internvideo_pl.objectives.propose import ProposalObjective, Proposals
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class Extract:
    """Features of long videos by any video backbone; nothing is trained.

    Attributes:
        folder: Where the files go; null for `features` in the run's folder.
    """

    folder: Path | None = None
    name: Literal["extract"] = "extract"


@dataclass(kw_only=True)
class FeaturesChoice:
    """Features that were made before, in place of a backbone.

    Attributes:
        width: Of a feature; of both kinds together where there are two.
    """

    name: Literal["features"] = "features"
    width: int


@dataclass(kw_only=True)
class Localize(LocalizationObjective):
    """ActionFormer on features.

    Attributes:
        head: Its size.
        detect: How its predictions become detections.
        names: 0: it names what it finds. Else it only finds, and each detection takes so many of the likeliest classes
            of its whole video, from parents.scores.
    """

    head: ActionFormerConfig = field(default_factory=ActionFormerConfig)
    detect: DetectConfig = field(default_factory=DetectConfig)
    names: int = 0
    name: Literal["localize"] = "localize"


@dataclass(kw_only=True)
class Propose(ProposalObjective):
    """TCANet on features, which finds actions without naming them.

    Attributes:
        head: Its size.
        detect: How its proposals become detections.
        names: Each detection takes so many of the likeliest classes of its whole video, from parents.scores.
    """

    head: TcanetConfig = field(default_factory=TcanetConfig)
    detect: DetectConfig = field(default_factory=DetectConfig)
    names: int = 2
    name: Literal["propose"] = "propose"

    def __post_init__(self) -> None:
        """Refuses detections without a class.

        Raises:
            UserError: `names` is below 1.
        """
        if self.names < 1:
            raise UserError(f"objective.names={self.names} must be at least 1: TCANet names nothing itself")


def _extract(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    _require_segments(experiment, data)
    if experiment.data.sampling != "windows":
        raise UserError(
            f"objective 'extract' wants all windows of a video: set data.sampling=windows in {experiment.name}"
        )
    choice = experiment.backbone
    if isinstance(choice, CoordinatedChoice):
        backbone: nn.Module = _coordinated(choice, parents)
    else:
        backbone = choice.build()
        start(backbone, parents)
    return FeatureExtraction(ClipVector(backbone), experiment.objective.folder, **optimisation)


def _coordinated(choice: CoordinatedChoice, parents: Parents) -> nn.Module:
    """Both encoders as a coordination left them; its classifiers are not needed."""
    assert choice.masked is not None
    assert choice.multimodal is not None
    backbone = choice.build(choice.masked.build(), choice.multimodal.build())
    start(backbone, parents)
    return backbone


def _localize(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    _require_segments(experiment, data)
    objective = experiment.objective
    model = ActionFormer(experiment.backbone.width, 1 if objective.names else len(data.classes), objective.head)
    start(model, parents)
    find = partial(find_segments, objective.detect)
    return TemporalLocalization(Localization(model, objective), find, objective.names, **optimisation)


def _propose(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    _require_segments(experiment, data)
    objective = experiment.objective
    model = Tcanet(experiment.backbone.width, objective.head)
    start(model, parents)
    find = partial(_find_proposals, objective.detect)
    return TemporalLocalization(Proposals(model, objective), find, objective.names, **optimisation)


def find_segments(config: DetectConfig, model: ActionFormer, features: Tensor, mask: Tensor) -> list[Detections]:
    """What ActionFormer detects in a batch of features, see `Find`."""
    return detect(model(features, mask), config)


def _find_proposals(config: DetectConfig, model: Tcanet, features: Tensor, mask: Tensor) -> list[Detections]:
    return detect_proposals(model(features, mask), config)


def _require_segments(experiment: Experiment, data: VideoData) -> None:
    """Refuses data that are no long videos; what stands in for data that are not here has only classes."""
    if isinstance(data, VideoData) and not isinstance(data, LocalizationData):
        raise UserError(f"objective {experiment.objective.name!r} wants long videos: data.name=thumos14, for example")


EXTRACT = Task(Extract, (MaskedChoice, TowerChoice, MultimodalChoice, CoordinatedChoice), _extract)
LOCALIZE = Task(Localize, (FeaturesChoice,), _localize, roles=("features", "more_features", "scores"))
PROPOSE = Task(Propose, (FeaturesChoice,), _propose, roles=("features", "more_features", "scores"))

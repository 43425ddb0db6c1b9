"""The two ways of learning without classes: masked video modelling, and alignment of video and language."""

from dataclasses import dataclass
from typing import Any, Literal

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class Masked(MaskedModelingConfig):
    """Masked video modelling; wants a masked_vit."""

    name: Literal["masked"] = "masked"


@dataclass(kw_only=True)
class Align(AlignmentConfig):
    """Video-language alignment; wants a multimodal backbone."""

    name: Literal["align"] = "align"


def _masked(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    model = experiment.backbone.build_autoencoder()
    start(model, parents)
    return MaskedReconstruction(MaskedModeling(model, experiment.objective), **optimisation)


def _align(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    encoder = experiment.backbone.build()
    start(encoder, parents)
    return ContrastiveAlignment(Alignment(encoder, experiment.objective), **optimisation)


MASKED = Task(Masked, (MaskedChoice,), _masked)
ALIGN = Task(Align, (MultimodalChoice,), _align, contrasts=True)

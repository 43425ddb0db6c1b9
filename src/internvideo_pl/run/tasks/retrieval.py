"""Text-video retrieval: the towers of a multimodal encoder, trained to match or tested as they are."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class Retrieve:
    """Matching alone: whatever the parent has of a caption decoder is set aside, as in the release's retrieval.

    Attributes:
        block: As in alignment.
        dual_softmax: As in alignment.
    """

    block: int | None = None
    dual_softmax: bool = False
    name: Literal["retrieval"] = "retrieval"


def _retrieval(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    encoder, choice = experiment.backbone.build(), experiment.objective
    config = AlignmentConfig(block=choice.block, dual_softmax=choice.dual_softmax)
    start(encoder, parents)
    encoder.caption_decoder, encoder.config = None, replace(encoder.config, caption=None)
    return ContrastiveAlignment(Alignment(encoder, config), **optimisation)


RETRIEVAL = Task(Retrieve, (MultimodalChoice,), _retrieval, contrasts=True)

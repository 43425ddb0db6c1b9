"""Writing captions."""

from dataclasses import dataclass, field
from typing import Any, Literal

from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.caption import CaptionSearchConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.captioning import Captioning
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class Caption(AlignmentConfig):
    """Captions by the caption decoder; wants a multimodal backbone and videos with captions.

    Attributes:
        contrastive_weight: Of matching, which captioning does without.
        search: How captions are searched in tests.
    """

    contrastive_weight: float = 0.0
    search: CaptionSearchConfig = field(default_factory=CaptionSearchConfig)
    name: Literal["caption"] = "caption"


def _caption(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    encoder = experiment.backbone.build()
    if encoder.caption_decoder is None:
        raise UserError("objective 'caption' wants a backbone with a caption decoder: choose another backbone.size")
    start(encoder, parents)
    return Captioning(Alignment(encoder, experiment.objective), experiment.objective.search, **optimisation)


CAPTION = Task(Caption, (MultimodalChoice,), _caption)

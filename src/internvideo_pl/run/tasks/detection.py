"""State-change object detection: where the object is that changes, in three frames."""

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Literal

from internvideo_pl.backbones.choices import MaskedChoice
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.config import Experiment
from internvideo_pl.data.changed_objects import FRAMES, ChangeData
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.detect import ChangeDetector, DetectHeadConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.detection import ChangeDetection
from internvideo_pl.objectives.detect import Detection, DetectionConfig
from internvideo_pl.run.tasks.task import Parents, Task, start_trained

PACKAGES = ("faster_coco_eval", "scipy")


@dataclass(kw_only=True)
class Detect(DetectionConfig):
    """Boxes of what changes, on the masked encoder.

    Attributes:
        head: The decoder.
    """

    head: DetectHeadConfig = field(default_factory=DetectHeadConfig)
    name: Literal["detect"] = "detect"


def _detect(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    for package in PACKAGES:  # or a run would end at its test
        if find_spec(package) is None:
            raise UserError(f"objective 'detect' needs {package}: pip install 'internvideo_pl[detection]'")
    if isinstance(data, VideoData) and not isinstance(data, ChangeData):
        raise UserError(f"objective 'detect' wants frames of changes, which {data.facts.name} has not")
    config = experiment.backbone.config("tokens")
    backbone = MaskedEncoder(replace(config, num_frames=FRAMES * config.tubelet_size))
    model = ChangeDetector(backbone, experiment.objective.head)
    if parents and "backbone" in parents:
        parents.fill("backbone", model.backbone, head=False)
    start_trained(model, parents)
    return ChangeDetection(Detection(model, experiment.objective), **optimisation)


DETECT = Task(Detect, (MaskedChoice,), _detect, roles=("backbone", "trained"))

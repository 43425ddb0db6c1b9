"""What a run notes in its file of weights, so that the file alone can be used later: sizes, clips, classes, target."""

from typing import Any

from torch import nn

from internvideo_pl.config import Experiment
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.models.config import ModelConfig, Target
from internvideo_pl.models.networks import num_classes
from internvideo_pl.models.reading import Reading
from internvideo_pl.objectives.masked import MaskedModelingConfig
from internvideo_pl.weights.tensor_file import Note

# Sampling of the experiment's data to that of a single test view; what is not here keeps the protocol of its kind.
SAMPLING: dict[str, Any] = {"dense": "dense", "pretrain": "dense", "segments": "segments"}


def note_of(model: nn.Module, experiment: Experiment, data: VideoData) -> Note:
    """The note of a trained model: its config as it was trained and tested here.

    A model of one task, which is none of those that can be loaded by themselves, notes the name of its class.
    """
    try:
        config = ModelConfig.of(model)
    except UserError:
        return {"kind": type(model).__name__}
    clip, objective = experiment.data, experiment.objective
    if isinstance(clip, ClipConfig) and clip.sampling in SAMPLING:
        sampling = SAMPLING[clip.sampling]
        config.reading = Reading(
            num_frames=clip.num_frames, size=clip.size, short_side=clip.size, sampling=sampling, stride=clip.stride
        )
    if data.classes and num_classes(config.network) == len(data.classes):
        config.classes = list(data.classes)
    if config.target is not None and isinstance(objective, MaskedModelingConfig):
        config.target = Target(
            mask_ratio=objective.mask_ratio,
            norm_target=objective.norm_target,
            variance_floor=objective.variance_floor,
        )
    return config.to_note()

"""The tables of the composition root: which words an experiment may use, and the dataclass behind each.

`data.name`, `backbone.name` and `objective.name` pick their schema here.
"""

from dataclasses import dataclass
from typing import Literal

from data_modules import DATASETS
from internvideo_pl.backbones.choices import (
    CoordinatedChoice,
    EnsembleChoice,
    MaskedChoice,
    MultimodalChoice,
    TowerChoice,
)
from internvideo_pl.config import Schemas
from internvideo_pl.heads.classify import ClassifyHeadConfig
from internvideo_pl.heads.coordinated import DROPOUT
from internvideo_pl.objectives.align import AlignmentConfig
from internvideo_pl.objectives.masked import MaskedModelingConfig
from internvideo_pl.objectives.supervised import SupervisedConfig


@dataclass(kw_only=True)
class Masked(MaskedModelingConfig):
    """Masked video modelling; wants a masked_vit."""

    name: Literal["masked"] = "masked"


@dataclass(kw_only=True)
class Align(AlignmentConfig):
    """Video-language alignment; wants a multimodal backbone."""

    name: Literal["align"] = "align"


@dataclass(kw_only=True)
class Supervise(SupervisedConfig):
    """Recognition with a classifier on any video backbone.

    Attributes:
        head: The classifier.
    """

    head: ClassifyHeadConfig
    name: Literal["supervised"] = "supervised"


@dataclass(kw_only=True)
class Coordinate(SupervisedConfig):
    """Recognition with two post-trained encoders, joined or merely added up.

    Attributes:
        masked_head: The masked encoder's classifier, as it was post-trained.
        multimodal_head: The video tower's.
        dropout: Rate in front of both classifiers in coordination; 0.9 in the paper.
    """

    masked_head: ClassifyHeadConfig
    multimodal_head: ClassifyHeadConfig
    dropout: float = DROPOUT
    name: Literal["coordinate"] = "coordinate"


@dataclass(kw_only=True)
class ZeroShot:
    """Zero-shot recognition with a multimodal backbone; nothing is trained.

    Attributes:
        prompts: Sentences made of a class name: "kinetics" (16 templates, as in InternVideo's release) or "name" (the
            class name itself, where it already is a sentence).
    """

    prompts: Literal["kinetics", "name"] = "kinetics"
    name: Literal["zero_shot"] = "zero_shot"


SCHEMAS: Schemas = {
    "data": {name: config for name, (_, config) in DATASETS.items()},
    "backbone": {
        "masked_vit": MaskedChoice,
        "video_tower": TowerChoice,
        "multimodal": MultimodalChoice,
        "coordinated": CoordinatedChoice,
        "ensemble": EnsembleChoice,
    },
    "objective": {
        "masked": Masked,
        "align": Align,
        "supervised": Supervise,
        "coordinate": Coordinate,
        "zero_shot": ZeroShot,
    },
}

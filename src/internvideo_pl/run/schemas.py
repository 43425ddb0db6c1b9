"""The tables of the composition root: which words an experiment may use, and the dataclass behind each.

`data.name`, `backbone.name` and `objective.name` pick their schema here.
"""

from data_modules import DATASETS
from internvideo_pl.backbones.choices import (
    CoordinatedChoice,
    EnsembleChoice,
    FrozenPairChoice,
    MaskedChoice,
    MultimodalChoice,
    TowerChoice,
)
from internvideo_pl.config import Schemas
from internvideo_pl.run.tasks import TASKS
from internvideo_pl.run.tasks.localization import FeaturesChoice

SCHEMAS: Schemas = {
    "data": {name: config for name, (_, config) in DATASETS.items()},
    "backbone": {
        "masked_vit": MaskedChoice,
        "video_tower": TowerChoice,
        "multimodal": MultimodalChoice,
        "coordinated": CoordinatedChoice,
        "ensemble": EnsembleChoice,
        "features": FeaturesChoice,
        "frozen_pair": FrozenPairChoice,
    },
    "objective": {name: task.schema for name, task in TASKS.items()},
}

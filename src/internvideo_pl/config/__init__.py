"""Experiments as short YAML files, checked against dataclasses before anything is built.

An experiment file holds choices only:

```yaml
# what it reproduces, the command, its cost, the expected result
extends: [base/coordinate]               # names relative to experiments/
data: {name: kinetics400, batch_size: 32}
trainer: {max_epochs: 20}
mini: {trainer: {max_steps: 300}}        # laid over the rest with MINI=1
```

Later wins: parents left to right (a file reached twice counts once, where it is first reached), the file, with
`MINI=1` the `mini` blocks in the same order, then `key=value` from the command line (`~key` takes a key away).
Mappings merge; everything else, lists included, is replaced. The schema of a section such as `data` is picked by its
`name` from tables that the composition root hands in, so this package knows no dataset and no model.
"""

from internvideo_pl.config.experiment import (
    Experiment,
    PathsConfig,
    TrainerConfig,
    WandbConfig,
)
from internvideo_pl.config.loader import load_experiment
from internvideo_pl.config.saved import config_hash, load_resolved, save_config
from internvideo_pl.config.schema import Schemas
from internvideo_pl.folders import list_experiments

__all__ = [
    "Experiment",
    "PathsConfig",
    "Schemas",
    "TrainerConfig",
    "WandbConfig",
    "config_hash",
    "list_experiments",
    "load_experiment",
    "load_resolved",
    "save_config",
]

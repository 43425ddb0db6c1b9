"""An experiment by its name, as the command line gives it: itself, and what it runs."""

import json

from internvideo_pl.config import Experiment, load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.run.schemas import SCHEMAS


def load_stages(
    name: str, overrides: list[str], mini: bool = False, data: str | None = None
) -> tuple[Experiment, list[Experiment]]:
    """An experiment, and the experiments that it consists of: its stages, or itself alone.

    Args:
        name: Path of its YAML below `experiments/`, without the suffix.
        overrides: `key=value` arguments; for an experiment of stages they hold for every stage.
        mini: Whether the miniature and the tiny size are used.
        data: The dataset's folder; stands for `data.root=<folder>`.

    Raises:
        UserError: The name, a key or a value is not known, or one folder of data is given for several stages.
    """
    plan = load_experiment(name, schemas=SCHEMAS)
    if data and plan.stages:
        raise UserError(
            f"DATA= is the folder of one dataset, but {name} runs several experiments; run one of its stages"
        )
    overrides = [*overrides, *([f"data.root={json.dumps(data)}"] if data else [])]
    mini = mini or plan.mini_only
    return plan, [load_experiment(stage, overrides, mini, schemas=SCHEMAS) for stage in plan.stages or [name]]

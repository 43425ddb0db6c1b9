"""An experiment by its name, as the command line gives it: itself, and what it runs."""

import json
import re

from internvideo_pl.config import Experiment, load_experiment
from internvideo_pl.errors import UserError, hint
from internvideo_pl.run.schemas import SCHEMAS

OF_A_STAGE = re.compile(r"(~?)([\w/-]+):([^=]+(?:=.*)?)", re.DOTALL)  # [~]stage:key[=value]


def load_stages(
    name: str, overrides: list[str], mini: bool = False, data: str | None = None
) -> tuple[Experiment, list[Experiment]]:
    """An experiment, and the experiments that it consists of: its stages, or itself alone.

    Args:
        name: Path of its YAML below `experiments/`, without the suffix.
        overrides: `key=value` arguments; for an experiment of stages they hold for every stage, `stage:key=value` for
            that stage alone.
        mini: Whether the miniature and the tiny size are used.
        data: The dataset's folder; stands for `data.root=<folder>`.

    Raises:
        UserError: The name, a stage, a key or a value is not known, or one folder of data is given for several stages.
    """
    plan = load_experiment(name, schemas=SCHEMAS)
    if data and plan.stages:
        raise UserError(
            f"DATA= is the folder of one dataset, but {name} runs several experiments; run one of its stages"
        )
    overrides = [*overrides, *([f"data.root={json.dumps(data)}"] if data else [])]
    mini = mini or plan.mini_only
    stages = plan.stages or [name]
    return plan, [load_experiment(stage, of_stage(stage, stages, overrides), mini, schemas=SCHEMAS) for stage in stages]


def of_stage(stage: str, stages: list[str], overrides: list[str]) -> list[str]:
    """The overrides that hold for a stage, those of it alone without its name.

    Raises:
        UserError: One names a stage that is not there.
    """
    mine = []
    for override in overrides:
        found = OF_A_STAGE.fullmatch(override)
        if found is None:
            mine.append(override)
            continue
        removal, named, rest = found.groups()
        if named not in stages:
            raise UserError(f"Cannot take {override!r}: {named!r} is no stage here.{hint(named, stages)}")
        if named == stage:
            mine.append(removal + rest)
    return mine

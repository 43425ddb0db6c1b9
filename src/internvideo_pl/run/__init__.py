"""The composition root: an experiment's name in, rows, pictures and a report out.

Here and only here the library meets `data_modules`.
"""

import json

from internvideo_pl.config import load_experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import new_run_folder
from internvideo_pl.run.pipeline import run_stages
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.single import run_one
from internvideo_pl.run.summary import summarize


def main(name: str, overrides: list[str], mini: bool = False, data: str | None = None) -> None:
    """Run one experiment, or the stages of one.

    Args:
        name: Path of its YAML below `experiments/`, without the suffix.
        overrides: `key=value` arguments; for an experiment of stages they hold for every stage.
        mini: Whether the miniature and the tiny size are used.
        data: The dataset's folder; stands for `data.root=<folder>`.

    Raises:
        UserError: Anything that the person must mend.
    """
    plan = load_experiment(name, schemas=SCHEMAS)
    if data and plan.stages:
        raise UserError(
            f"DATA= is the folder of one dataset, but {name} runs several experiments; run one of its stages"
        )
    overrides = [*overrides, *([f"data.root={json.dumps(data)}"] if data else [])]
    mini = mini or plan.mini_only
    runs = [load_experiment(stage, overrides, mini, schemas=SCHEMAS) for stage in plan.stages or [name]]
    folder = new_run_folder(runs[0].paths.results, name, runs[0].paths.run)
    try:
        finished = run_stages(plan, runs, folder) if plan.stages else [run_one(runs[0], folder, {}, FrameCache())]
    except UserError:
        if not any(folder.iterdir()):
            folder.rmdir()  # nothing was begun
        raise
    summarize(plan, finished, folder)

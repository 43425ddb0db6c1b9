"""Runs that a miniature experiment starts from and that were never made: they are made first, by the same command."""

from internvideo_pl.config import Experiment
from internvideo_pl.folders import list_experiments
from internvideo_pl.run.folder import latest_done

# What an override says of where and how to run holds for the parents too; everything else is the experiment's own.
SHARED = ("paths.results=", "paths.cache=", "wandb.", "trainer.accelerator=")


def missing_parents(experiment: Experiment) -> list[str]:
    """Parents of a miniature experiment that are experiments without a finished run, each once.

    At full size nothing is started that was not asked for: a parent may take weeks.
    """
    if not experiment.mini:
        return []
    known, results = list_experiments(), experiment.paths.results
    names = dict.fromkeys(experiment.parents.values())
    return [name for name in names if name in known and latest_done(results, name, mini=True) is None]


def shared(overrides: list[str]) -> list[str]:
    """Those of an experiment's overrides that hold for its parents too."""
    return [word for word in overrides if word.startswith(SHARED)]

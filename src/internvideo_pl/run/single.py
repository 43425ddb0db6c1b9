"""One experiment from its config to its row: check, build, fit, test, keep."""

import math
import time
import warnings
from pathlib import Path

import lightning as L

from internvideo_pl.callbacks.bad_videos import BadVideos
from internvideo_pl.callbacks.previews import Previews
from internvideo_pl.callbacks.progress import Report, ReportProgress
from internvideo_pl.callbacks.table_row import BenchmarkTable, RunFacts
from internvideo_pl.config import Experiment, config_hash, save_config
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.module import VideoData
from internvideo_pl.run.build import build_data, build_module, check_fit, check_labels, saved_model, world_size
from internvideo_pl.run.finished import Finished, finish
from internvideo_pl.run.trainer import build_trainer, close_loggers, progress_bar
from internvideo_pl.run.weights import find_parent, save_model
from internvideo_pl.tables.provenance import file_hash
from internvideo_pl.video.faults import Ledger


def steps_of(experiment: Experiment, data: VideoData) -> int:
    """Optimiser steps of the whole run, from `trainer.max_steps` or `trainer.max_epochs`, whichever is less."""
    trainer = experiment.trainer
    limits = [trainer.max_steps] if trainer.max_steps >= 0 else []
    if trainer.max_epochs == 0:
        limits.append(0)
    elif trainer.max_epochs > 0:
        batches = data.steps_per_epoch() // world_size(trainer)
        limits.append(trainer.max_epochs * math.ceil(batches / trainer.accumulate_grad_batches))
    return min(limits)


def run_one(
    experiment: Experiment,
    folder: Path,
    stages: dict[str, Path],
    cache: FrameCache,
    report: Report | None = None,
) -> Finished:
    """Run an experiment in its folder.

    Args:
        experiment: Checked config.
        folder: The run's own folder.
        stages: Folders of finished stages of the pipeline around it, by experiment.
        cache: Videos kept in memory.
        report: Is told the progress; without it a progress bar is drawn.

    Raises:
        UserError: Something that the person must mend, before any training starts.
    """
    started = time.monotonic()
    check_fit(experiment)
    results = experiment.paths.results
    parents = {
        role: find_parent(parent, results, experiment.mini, stages) for role, parent in experiment.parents.items()
    }
    data = build_data(experiment, cache)
    check_labels(experiment, data)
    steps = steps_of(experiment, data)
    read = data.split("train" if steps else "test")  # who only evaluates needs no training videos
    ledger = Ledger(read.official, experiment.data.bad_videos)
    for fault in read.faults:
        ledger.record(fault)
    L.seed_everything(experiment.seed, workers=True, verbose=False)
    module = build_module(experiment, data, parents, steps)
    save_config(experiment, folder / "config.yaml")
    facts = RunFacts(
        experiment=experiment.name,
        benchmark=experiment.benchmark,
        model=experiment.model or experiment.name,
        mini=experiment.mini,
        parents={role: file_hash(path) for role, path in parents.items()},
        config_hash=config_hash(experiment),
        seed=experiment.seed,
    )
    table = BenchmarkTable(facts, folder)
    pictures = Previews(folder)
    callbacks = [BadVideos(ledger, folder), table, pictures, ReportProgress(report) if report else progress_bar()]
    with warnings.catch_warnings():
        _silence()
        trainer = build_trainer(experiment, folder, callbacks, steps)
        if steps > 0:
            trainer.fit(module, datamodule=data)
        trainer.test(module, datamodule=data, verbose=False)
    close_loggers()
    if steps > 0:
        save_model(saved_model(module), folder)
    found = ledger.summary() if ledger.faults else ""
    return finish(experiment, folder, pictures.previews, found, time.monotonic() - started)


# Beginnings of Lightning's hints that our loaders, folders and frozen encoders make moot.
HINTS = ("many workers", "val_dataloader", "Experiment logs directory", "in eval mode", "LeafSpec", "logging interval")


def _silence() -> None:
    """Leave out what does not help."""
    for hint in HINTS:
        warnings.filterwarnings("ignore", message=f".*{hint}.*")

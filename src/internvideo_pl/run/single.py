"""One experiment from its config to its row: check, build, fit, test, keep. A run that was begun before goes on."""

import sys
from dataclasses import replace
from pathlib import Path

import lightning as L

from internvideo_pl.backbones.sharding import whole_state
from internvideo_pl.callbacks.bad_videos import BadVideos
from internvideo_pl.callbacks.checkpoints import newest, step_of
from internvideo_pl.callbacks.cost import CostMeter
from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.callbacks.previews import Previews
from internvideo_pl.callbacks.progress import Report, ReportProgress
from internvideo_pl.callbacks.ranks import Ranks, Turns
from internvideo_pl.callbacks.run_curves import RunCurves
from internvideo_pl.callbacks.submissions import Submissions
from internvideo_pl.callbacks.table_row import BenchmarkTable, RunFacts
from internvideo_pl.callbacks.throughput import Throughput
from internvideo_pl.callbacks.watchdog import Watchdog
from internvideo_pl.config import Experiment, config_hash, save_config
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.hangs import Hangs
from internvideo_pl.data.mixture import MixtureData
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.run.batches import describe, optimiser_steps, world_size
from internvideo_pl.run.build import build_data, build_module, check_fit, check_labels, saved_model
from internvideo_pl.run.features import with_features
from internvideo_pl.run.finished import Finished, finish, read_finished
from internvideo_pl.run.folder import DONE
from internvideo_pl.run.inputs import find_inputs, hashed, use_inputs
from internvideo_pl.run.mixture import write_mixture
from internvideo_pl.run.note import note_of
from internvideo_pl.run.record import Identity, Record, note_start, read_record
from internvideo_pl.run.trainer import (
    build_loggers,
    build_trainer,
    closed_loggers,
    progress_bar,
    quiet,
    trains_in_parts,
)
from internvideo_pl.run.weights import find_parents, save_model
from internvideo_pl.video.faults import Ledger


def steps_of(experiment: Experiment, data: VideoData) -> int:
    """Optimiser steps of the whole run, from `trainer.max_steps` or `trainer.max_epochs`, whichever is less.

    Raises:
        UserError: There is not one batch for each process.
    """
    trainer = experiment.trainer
    if 0 in (trainer.max_steps, trainer.max_epochs):
        return 0  # who only evaluates needs no training videos
    processes = world_size(trainer)
    batches = data.steps_per_epoch() // processes
    if batches == 0:
        raise UserError(
            f"{data.facts.name}'s training list gives {data.steps_per_epoch()} batches of {experiment.data.batch_size} "
            f"clips, fewer than the {processes} processes: lower data.batch_size or use fewer devices"
        )
    return optimiser_steps(trainer, batches)


def run_one(
    experiment: Experiment,
    folder: Path,
    stages: dict[str, Path],
    cache: FrameCache,
    interrupts: Interrupts,
    report: Report | None = None,
    turns: Turns | None = None,
) -> Finished:
    """Run an experiment in its folder, from its newest checkpoint if there is one.

    Args:
        experiment: Checked config.
        folder: The run's own folder.
        stages: Folders of finished stages of the pipeline around it, by experiment.
        cache: Videos kept in memory.
        interrupts: Signals that ask the run to stop.
        report: Is told the progress; without it a progress bar is drawn.
        turns: The processes that train together, which are all called with the same arguments; one by default.

    Raises:
        UserError: Something that the person must mend, before any training starts.
        RunFailed: Training came to something that is not finite, or a video hung.
        Interrupted: A signal stopped the run.
    """
    if (folder / DONE).is_file():
        return read_finished(experiment, folder)
    check_fit(experiment)
    turns = turns or Turns(Ranks())
    watchdog = Watchdog(turns.ranks, experiment.trainer.watchdog_minutes)
    with watchdog.watching():
        return _run(experiment, folder, stages, cache, interrupts, report, turns, watchdog)


def _run(
    experiment: Experiment,
    folder: Path,
    stages: dict[str, Path],
    cache: FrameCache,
    interrupts: Interrupts,
    report: Report | None,
    turns: Turns,
    watchdog: Watchdog,
) -> Finished:
    """`run_one` while its watchdog watches. Only the first of several processes writes."""
    first = turns.ranks.first
    checkpoint = newest(folder)
    step = step_of(checkpoint) if checkpoint else 0
    # A run that goes on has its parents' weights in its checkpoint, whatever has become of them since.
    with turns.turn("find"):  # what is downloaded or generated is found by the next process
        parents = None if checkpoint else find_parents(experiment, stages)
        inputs = find_inputs(experiment, stages)
        data = build_data(experiment, cache)
        use_inputs(data, inputs)
    hangs = Hangs(folder, experiment.data.decode_timeout)
    data.hung = hangs.known
    check_labels(experiment, data)
    steps = steps_of(experiment, data)
    read = data.split("train" if steps else "test")  # who only evaluates needs no training videos
    ledger = Ledger(read.official, experiment.data.bad_videos if steps else 1.0)  # an evaluation never stops
    for fault in read.faults:
        ledger.record(fault)
    L.seed_everything(experiment.seed, workers=True, verbose=False)
    module = build_module(experiment, data, parents, steps)
    with turns.turn("features"):  # what one process computes, the next finds
        data = with_features(experiment, data, module, trains=steps > 0)
    if first:
        _clear(folder)
        save_config(experiment, folder / "config.yaml")
        record = note_start(
            folder, Identity.of(experiment.name, [experiment]), {**(parents or {}), **hashed(inputs)}, step
        )
        if parents:
            parents.report(experiment.name, folder)
        if isinstance(data, MixtureData) and steps > 0:
            write_mixture(data, folder)
        _say_how_it_goes_on(record, folder, steps)
        if steps > 0 and report is None:
            print(describe(experiment), file=sys.stderr, flush=True)
    with turns.turn("note"):
        record = _noted(folder)
    meter, pace = CostMeter(experiment.cost, folder), Throughput(experiment.trainer.log_every_n_steps)
    pictures, curves = Previews(folder), RunCurves(folder)
    table = BenchmarkTable(_facts(experiment, record), folder, meter)
    shown = ReportProgress(report) if report else progress_bar()
    kept = [table, Submissions(folder), pictures, curves]
    callbacks = [BadVideos(ledger, folder), watchdog, meter, pace, *kept, shown]
    loggers = build_loggers(experiment, folder, step, record.wandb_id)
    trainer = build_trainer(experiment, folder, callbacks, steps, interrupts, loggers)
    with quiet(), closed_loggers(), hangs.named():
        if steps > 0:
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
            if trains_in_parts(experiment.trainer):
                module = _whole(module, build_module(experiment, data, None, steps))
            model = saved_model(module)
            if first:
                save_model(model, folder, note_of(model, experiment, data))
        if trains_in_parts(experiment.trainer):  # a test has no gradients or moments: each process holds all weights
            alone = replace(experiment, trainer=replace(experiment.trainer, strategy="ddp"))
            trainer = build_trainer(alone, folder, callbacks, steps, interrupts, loggers)
        trainer.test(module, datamodule=data, verbose=False)
    found = ledger.summary() if ledger.faults else ""
    if first:
        if pace.advice():
            print(pace.advice(), file=sys.stderr)
        finish(experiment, folder, [*pictures.previews, *table.previews], found, meter.seconds)
    with turns.turn("finish"):
        return read_finished(experiment, folder)


def _whole(module: VideoModule, fresh: VideoModule) -> VideoModule:
    """A trained module whose weights are in parts, whole again in every process."""
    fresh.load_state_dict(whole_state(module))
    return fresh


def _noted(folder: Path) -> Record:
    record = read_record(folder)
    assert record is not None
    return record


def _facts(experiment: Experiment, record: Record) -> RunFacts:
    """What rows say of the run."""
    return RunFacts(
        experiment=experiment.name,
        benchmark=experiment.benchmark,
        model=experiment.model or experiment.name,
        mini=experiment.mini,
        parents=record.parents,
        config_hash=config_hash(experiment),
        seed=experiment.seed,
        recipe=config_hash(replace(experiment, seed=0)),
    )


def _clear(folder: Path) -> None:
    """Take away what a start that was cut short has left: files under temporary names, and the rows of its test."""
    for pattern in ("*.tmp", "checkpoints/*.tmp", "row-*.json"):
        for leftover in folder.glob(pattern):
            leftover.unlink()


def _say_how_it_goes_on(record: Record, folder: Path, steps: int) -> None:
    """One line for a run that goes on."""
    *before, now = record.starts
    if before:
        changed = before[-1]["code"] != now["code"]
        code = f"; the code has changed since, {before[-1]['code']} -> {now['code']}" if changed else ""
        print(f"continuing {folder} after step {now['step']} of {steps}{code}", file=sys.stderr, flush=True)

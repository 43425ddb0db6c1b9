"""The Lightning trainer of an experiment: loggers, checkpoints, progress."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import lightning as L
from lightning.fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, ProgressBar, RichProgressBar, TQDMProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy, Strategy

from internvideo_pl.callbacks.checkpoint_file import CheckpointFile
from internvideo_pl.callbacks.checkpoints import Checkpoints
from internvideo_pl.callbacks.ema import MovingAverage
from internvideo_pl.callbacks.finite import StopOnNonFinite
from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.callbacks.randomness import StepRandomness
from internvideo_pl.config import Experiment, TrainerConfig
from internvideo_pl.run.batches import world_size
from internvideo_pl.run.fsdp import FullyShardedStrategy
from internvideo_pl.run.metrics_log import MetricsLog
from internvideo_pl.run.wandb_log import WandbLog


def progress_bar() -> Callback:
    """Bars on a terminal; nothing where the output is a file."""
    return RichProgressBar(leave=False) if sys.stderr.isatty() else TQDMProgressBar(refresh_rate=0)


def build_trainer(
    experiment: Experiment,
    folder: Path,
    callbacks: list[Callback],
    steps: int,
    interrupts: Interrupts,
    loggers: list[Logger],
) -> L.Trainer:
    """A trainer that writes only into `folder` and stops after `steps` optimiser steps."""
    for part in ("pytorch", "fabric"):
        logging.getLogger(f"lightning.{part}").setLevel(logging.WARNING)  # no banner of devices, processes and tips
    config = experiment.trainer
    return L.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy=_strategy(config),
        precision=config.precision,
        max_epochs=-1,
        max_steps=steps,
        accumulate_grad_batches=config.accumulate_grad_batches,
        gradient_clip_val=config.gradient_clip_val,
        log_every_n_steps=max(min(config.log_every_n_steps, steps), 1),
        limit_train_batches=config.limit_train_batches,
        limit_val_batches=0,  # a run is judged by its test; nothing is chosen on validation videos
        limit_test_batches=config.limit_test_batches,
        callbacks=[*callbacks, *_training_callbacks(experiment, folder, interrupts)],
        # Named, since Lightning would find SLURM's by itself, whose handler saves in the middle of a step.
        plugins=[CheckpointFile(), TorchElasticEnvironment() if world_size(config) > 1 else LightningEnvironment()],
        logger=loggers,
        default_root_dir=folder,
        use_distributed_sampler=False,  # our order shares samples out itself, without padding
        enable_model_summary=False,
        num_sanity_val_steps=0,
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),
        deterministic="warn",  # some CUDA kernels have no such form: say so and go on
    )


def trains_in_parts(config: TrainerConfig) -> bool:
    """Whether each process holds a part of the model only, while it is trained."""
    return config.strategy == "fsdp" and world_size(config) > 1


def _strategy(config: TrainerConfig) -> Strategy | str:
    """How several processes train one model.

    Parameters without a gradient are an error, since those that an objective does not use are frozen. The graph is not
    declared static: batches with and without images are different graphs, and accumulated ones skip the reduction.
    """
    if world_size(config) == 1:
        return "auto"
    patience = timedelta(minutes=config.watchdog_minutes + 1)  # the watchdog, which knows names, speaks first
    if trains_in_parts(config):
        return FullyShardedStrategy(world_size(config), patience)
    return DDPStrategy(gradient_as_bucket_view=True, find_unused_parameters=False, timeout=patience)


def _training_callbacks(experiment: Experiment, folder: Path, interrupts: Interrupts) -> list[Callback]:
    """What every training needs. The last to act before a step seeds it, whatever the others have drawn; Lightning
    moves the one that saves behind it.
    """
    config, optimizer = experiment.trainer, experiment.optimizer
    average = [MovingAverage(optimizer)] if optimizer is not None and optimizer.ema is not None else []
    return [
        LearningRateMonitor("step"),
        StopOnNonFinite(folder),
        *average,
        interrupts,
        StepRandomness(experiment.seed),
        Checkpoints(folder, interrupts, config.checkpoint_minutes, config.checkpoint_steps),
    ]


def build_loggers(experiment: Experiment, folder: Path, step: int, wandb_id: str) -> list[Logger]:
    """CSV always; Weights & Biases unless it is switched off.

    Args:
        experiment: With its words for Weights & Biases.
        folder: The run's folder.
        step: Optimiser steps that the run has behind it.
        wandb_id: The run's, the same whenever it is continued.
    """
    metrics = MetricsLog(folder, step)
    if experiment.wandb.mode == "disabled":
        return [metrics]
    return [metrics, WandbLog(experiment, folder, wandb_id, metrics, step)]


@contextmanager
def closed_loggers() -> Iterator[None]:
    """End the run of Weights & Biases, if there is one: the next experiment in this process gets its own."""
    try:
        yield
    finally:
        if "wandb" in sys.modules:
            sys.modules["wandb"].finish()


# Beginnings of Lightning's hints that our loaders, folders and frozen encoders make moot.
HINTS = (
    "many workers",
    "val_dataloader",
    "Experiment logs directory",
    "in eval mode",
    "LeafSpec",
    "logging interval",
    "Grad strides",  # of a kernel with a dimension of one element, where strides mean nothing
)


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what does not help."""
    with warnings.catch_warnings():
        for hint in HINTS:
            warnings.filterwarnings("ignore", message=f".*{hint}.*")
        yield

"""The Lightning trainer of an experiment: loggers, checkpoints, progress."""

import logging
import os
import sys
from datetime import timedelta
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import (
    Callback,
    LearningRateMonitor,
    ModelCheckpoint,
    ProgressBar,
    RichProgressBar,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from internvideo_pl.config import Experiment

# Short runs write none: what later runs start from is `model.safetensors`, and a full state is three times its size.
CHECKPOINT_EVERY = timedelta(minutes=10)


def progress_bar() -> Callback:
    """Bars on a terminal; nothing where the output is a file."""
    return RichProgressBar(leave=False) if sys.stderr.isatty() else TQDMProgressBar(refresh_rate=0)


def build_trainer(experiment: Experiment, folder: Path, callbacks: list[Callback], steps: int) -> L.Trainer:
    """A trainer that writes only into `folder` and stops after `steps` optimiser steps."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no banner of devices and tips
    config = experiment.trainer
    watched = [
        *callbacks,
        LearningRateMonitor("step"),
        ModelCheckpoint(folder / "checkpoints", filename="{step}", train_time_interval=CHECKPOINT_EVERY),
    ]
    return L.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.num_nodes,
        precision=config.precision,
        max_epochs=-1,
        max_steps=steps,
        accumulate_grad_batches=config.accumulate_grad_batches,
        gradient_clip_val=config.gradient_clip_val,
        log_every_n_steps=max(min(config.log_every_n_steps, steps), 1),
        limit_train_batches=config.limit_train_batches,
        limit_val_batches=0,  # a run is judged by its test; nothing is chosen on validation videos
        limit_test_batches=config.limit_test_batches,
        callbacks=watched,
        logger=_loggers(experiment, folder),
        default_root_dir=folder,
        use_distributed_sampler=False,  # our order shares samples out itself, without padding
        enable_model_summary=False,
        num_sanity_val_steps=0,
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),
        deterministic="warn",  # some CUDA kernels have no such form: say so and go on
    )


def close_loggers() -> None:
    """End the run of Weights & Biases, if there is one: the next experiment in this process gets its own."""
    if "wandb" in sys.modules:
        sys.modules["wandb"].finish()


def _loggers(experiment: Experiment, folder: Path) -> list[Logger]:
    """CSV always; Weights & Biases unless it is switched off."""
    loggers: list[Logger] = [CSVLogger(folder, name="", version="")]
    wandb = experiment.wandb
    if wandb.mode != "disabled":
        os.environ.setdefault("WANDB_SILENT", "true")
        loggers.append(
            WandbLogger(
                name=experiment.name,
                project=wandb.project,
                entity=wandb.entity,
                tags=wandb.tags,
                save_dir=folder,
                offline=wandb.mode == "offline",
            )
        )
    return loggers

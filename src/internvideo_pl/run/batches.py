"""The batch of a step: how a recipe's global batch is shared out over whatever devices there are."""

import math
from dataclasses import dataclass, replace

import torch

from internvideo_pl.config import Experiment, TrainerConfig
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.errors import UserError
from internvideo_pl.optim import REFERENCE_BATCH, OptimizerConfig
from internvideo_pl.run.tasks import TASKS


def world_size(trainer: TrainerConfig) -> int:
    """Processes of a run: devices of a machine, all its GPUs for "auto", times machines."""
    devices = trainer.devices
    if devices in ("auto", -1, "-1"):
        on_gpu = trainer.accelerator != "cpu" and torch.cuda.is_available()
        devices = torch.cuda.device_count() if on_gpu else 1
    return int(devices) * trainer.num_nodes


@dataclass(frozen=True)
class StepBatch:
    """Videos of an optimiser step.

    Attributes:
        each: Of a device, at a time.
        devices: Processes that train together.
        accumulated: Batches whose gradients are added up.
        views: Clips of each video.
        images: Clips of images that a device takes beside its videos, at a time.
    """

    each: int
    devices: int
    accumulated: int
    views: int = 1
    images: int = 0

    @classmethod
    def of(cls, experiment: Experiment) -> "StepBatch":
        """As an experiment's config says it."""
        trainer, data = experiment.trainer, experiment.data
        images = data.image_batch_size * data.num_sample if isinstance(data, MixtureConfig) else 0
        return cls(data.batch_size, world_size(trainer), trainer.accumulate_grad_batches, data.num_sample, images)

    @property
    def clips(self) -> int:
        """Clips that a device takes at a time."""
        return self.each * self.views

    @property
    def size(self) -> int:
        """All of them: what learning rates are scaled by."""
        return self.each * self.devices * self.accumulated

    def __str__(self) -> str:
        return f"{self.each:,} x {self.devices} device{'s' * (self.devices > 1)} x {self.accumulated} accumulated"


def share_out(experiment: Experiment) -> None:
    """Gives an experiment the batch of a device and the accumulation that make up its `trainer.global_batch`, if any.

    `data.batch_size` is then the most that a device takes at a time: it takes the largest part of its share that fits.
    Images of a mixture keep their proportion to the videos.

    Raises:
        UserError: The devices cannot have equal shares.
    """
    wanted = experiment.trainer.global_batch
    if wanted is None or experiment.data is None:
        return
    devices = world_size(experiment.trainer)
    share, rest = divmod(wanted, devices)
    if rest:
        fewer = max(count for count in range(1, devices) if wanted % count == 0)
        raise UserError(
            f"trainer.global_batch={wanted} cannot be shared by {devices} devices: use {fewer}, or a multiple of "
            f"{devices} such as trainer.global_batch={max(round(wanted / devices), 1) * devices}"
        )
    most = experiment.data.batch_size
    each = max(part for part in range(1, min(most, share) + 1) if share % part == 0)
    changes = {"batch_size": each}
    if isinstance(experiment.data, MixtureConfig):
        images = experiment.data.image_batch_size
        changes["image_batch_size"] = max(images * each // most, min(images, 1))
    experiment.data = replace(experiment.data, **changes)
    experiment.trainer = replace(experiment.trainer, accumulate_grad_batches=share // each)


def optimiser_steps(trainer: TrainerConfig, batches: int) -> int:
    """Optimiser steps of a run, from `trainer.max_steps` or `trainer.max_epochs`, whichever is less.

    Args:
        trainer: Says at least one of them.
        batches: That one process reads in an epoch; of no account without `max_epochs`.
    """
    limits = [trainer.max_steps] if trainer.max_steps >= 0 else []
    if trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs * math.ceil(batches / trainer.accumulate_grad_batches))
    return min(limits)


def describe(experiment: Experiment) -> str:
    """One line on the batch of a training step and the learning rate that follows from it."""
    batch, optimizer = StepBatch.of(experiment), experiment.optimizer
    parts = f" ({batch})" if batch.size > batch.each else ""
    line = f"{batch.size:,} videos a step{parts}"
    if isinstance(optimizer, OptimizerConfig):
        rate = optimizer.lr * batch.size / REFERENCE_BATCH if optimizer.scale_lr else optimizer.lr
        scaled = f" = {optimizer.lr:g} x {batch.size:,} / {REFERENCE_BATCH}" if optimizer.scale_lr else ""
        line += f", learning rate {rate:.4g}{scaled}"
    if batch.accumulated > 1 and TASKS[experiment.objective.name].contrasts:
        together = batch.each * batch.devices
        line += f"; its loss contrasts {together:,} videos with each other, not all {batch.size:,}"
    return line

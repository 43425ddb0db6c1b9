"""What all LightningModules share: the logged step, the optimiser with its schedule, the outcome of a test."""

from dataclasses import dataclass, field
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from internvideo_pl.backbones.sharding import clip_norm, shard
from internvideo_pl.data.batch import Batch
from internvideo_pl.data.location import whole_of
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.losses.gather import total, world_size
from internvideo_pl.optim import OptimizerConfig, build_optimizer
from internvideo_pl.submissions.submission import Submission


@dataclass
class Outcome:
    """What a test found, ready to become rows of a table.

    Attributes:
        task: The benchmark's task (recognition, retrieval, reconstruction, zero_shot_recognition).
        metrics: Name to number; fractions are percentages, losses are not.
        headline: The metric that the row is judged by.
        chance: The value of a metric for a model that knows nothing.
        protocol: Everything that must agree for two rows to be comparable.
        used: Videos that were scored.
        official: Videos of the official list.
        missing: Keys of those that were not scored.
        model: What was evaluated, where that is not the run's model, such as a random agent.
        intervals: 95 % interval of a metric over other videos, for those of which it is known.
        files: What else there is to keep beside the row, such as figures of every class: name of a file to its text.
        histograms: Values to draw over each other: name of a drawing to its groups of values.
    """

    task: str
    metrics: dict[str, float]
    headline: str
    chance: dict[str, float]
    protocol: dict[str, Any]
    used: int = 0
    official: int = 0
    missing: list[str] = field(default_factory=list)
    model: str | None = None
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    histograms: dict[str, dict[str, list[float]]] = field(default_factory=dict)


class VideoModule(L.LightningModule):
    """Base of the framework's LightningModules.

    Args:
        objective: Maps a batch's tensors to named losses; "loss" is their weighted sum.
        optimizer: Learning rate, decay and schedule.
        total_steps: Optimiser steps of the whole run, for the schedule.
        global_batch: Clips per optimiser step over all devices, for learning-rate scaling.
    """

    def __init__(self, objective: nn.Module, optimizer: OptimizerConfig, total_steps: int, global_batch: int):
        super().__init__()
        self.objective = objective
        self.optimizer_config = optimizer
        self.total_steps = total_steps
        self.global_batch = global_batch
        self.outcomes: list[Outcome] = []
        self.submission: Submission | None = None  # for a challenge's server, once a test has made one
        self.unread: set[str] = set()

    @property
    def data(self) -> VideoData:
        """The DataModule of the running fit or test."""
        trainer: Any = self.trainer
        return trainer.datamodule

    @property
    def videos_of_test(self) -> Tensor:
        """int64 (S,): number of the video that each sample of the test list is about; stretches of one share theirs."""
        names = [whole_of(sample.path) for sample in self.data.split("test").samples]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return torch.tensor([numbers[name] for name in names], dtype=torch.int64)

    @property
    def tokens_per_clip(self) -> int:
        """Tokens that the first block of the video encoder, or of all of them together, reads of a training clip.

        Those of sentences, of images beside the videos and of decoders do not count; 0 where there is no encoder.
        """
        return sum(getattr(part, "tokens_per_clip", 0) for part in self.objective.modules())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Named losses of a batch, "loss" among them."""
        raise NotImplementedError

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step; logs every named loss, its mean over all processes, under `train/`."""
        losses = self.losses(batch)
        means = total(torch.stack([value.detach() for value in losses.values()])) / world_size()
        logged = {f"train/{name}": mean for name, mean in zip(losses, means, strict=True)}
        self.log_dict(logged, prog_bar=True, batch_size=len(batch))
        return losses["loss"]

    def configure_model(self) -> None:
        """Puts the objective in parts over the processes where the strategy has a mesh of them and it is trained."""
        if self.device_mesh is not None and self.trainer.training:
            shard(self.objective, self.device_mesh["data_parallel"])

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clips the norm of all gradients, in parts or not."""
        if gradient_clip_val:
            clip_norm([value for group in optimizer.param_groups for value in group["params"]], gradient_clip_val)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse the state of another model before it is loaded.

        Raises:
            UserError: A tensor is missing, unknown or of another shape: the code has changed since it was saved.
        """
        states = self.state_dict(), checkpoint["state_dict"]
        mine, theirs = ({name: value.shape for name, value in state.items()} for state in states)
        unlike = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
        if unlike:
            raise UserError(
                f"the checkpoint is of another model: {len(unlike)} tensors differ, {unlike[0]} first; go back to the "
                "code that saved it, which run.json names, or start anew with FRESH=1 (--fresh)"
            )

    def finish(self, outcome: Outcome) -> None:
        """Keep a test's outcome, with what of the official list it covers."""
        split = self.data.split("test")
        outcome.protocol = {**self.data.protocol, **outcome.protocol}
        outcome.missing = split.missing + [sample.key for sample in split.samples if str(sample.path) in self.unread]
        outcome.official = split.official
        outcome.used = outcome.official - len(outcome.missing)
        self.outcomes.append(outcome)

    def configure_optimizers(self) -> Any:
        """AdamW over the objective's trainable parameters, with a schedule that moves at every step."""
        optimizer, scheduler = build_optimizer(
            self.objective, self.optimizer_config, self.total_steps, self.global_batch
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

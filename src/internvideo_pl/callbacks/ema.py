"""The exponential moving average of a model's weights: e <- d e + (1 - d) w after every optimiser step.

Lightning's WeightAveraging does the same on a copy of the whole module, frozen encoders included, and waits for the
device at every step; this one keeps what changes and never waits.
"""

from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from internvideo_pl.backbones.sharding import alike, load_whole, parted, whole
from internvideo_pl.optim import OptimizerConfig


class MovingAverage(L.Callback):
    """Keeps the average on the training device; when training ends, it takes the weights' place.

    Trainable parameters and floating-point buffers are averaged; frozen parameters are their own average. Checkpoints
    are laid out as Lightning's callback has them: the average under `state_dict`, for whoever only wants a model, and
    the weights that training goes on with under `current_model_state`.

    Args:
        config: With a decay.
    """

    def __init__(self, config: OptimizerConfig):
        assert config.ema is not None
        self.config = config
        self.updates = 0
        self.average: dict[str, Tensor] = {}

    def decay(self) -> float:
        """d of the next update."""
        assert self.config.ema is not None
        if not self.config.ema_warmup:
            return self.config.ema
        return min(self.config.ema, (1 + self.updates) / (10 + self.updates))

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """The average starts at the weights, or where a checkpoint left it."""
        live = _averaged(module)
        start = self.average or live
        self.average = {name: parted(start[name], like=value).clone() for name, value in live.items()}

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        """Take a new step's weights in."""
        if trainer.global_step > self.updates:
            self.update(module)

    @torch.no_grad()
    def update(self, module: L.LightningModule) -> None:
        """One update, in a few kernels for all tensors."""
        live = _averaged(module)
        take_in = get_ema_multi_avg_fn(self.decay())
        for average, values in zip(alike(self.average.values()), alike(live.values()), strict=True):
            take_in(average, values, self.updates)
        self.updates += 1

    @torch.no_grad()
    def on_fit_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """What is tested, kept and started from is the average."""
        for name, value in _averaged(module).items():
            value.copy_(self.average[name])

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Lay the average over a copy of the weights."""
        checkpoint["current_model_state"] = checkpoint["state_dict"]
        average = {name: whole(value) for name, value in self.average.items()}
        checkpoint["state_dict"] = {**checkpoint["state_dict"], **average}

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take the average from where Lightning has read the weights, and give the module its own."""
        self.average = {name: checkpoint["state_dict"][name] for name in _averaged(module)}
        load_whole(module, checkpoint["current_model_state"])

    def state_dict(self) -> dict[str, int]:
        """How many updates the average has seen."""
        return {"updates": self.updates}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Restore that."""
        self.updates = state["updates"]


def _averaged(module: L.LightningModule) -> dict[str, Tensor]:
    """What training changes of a module's state: trainable parameters, and buffers such as batch statistics."""
    frozen = {name for name, value in module.named_parameters() if not value.requires_grad}
    state = module.state_dict()
    return {name: value for name, value in state.items() if name not in frozen and value.is_floating_point()}

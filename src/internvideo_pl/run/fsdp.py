"""Lightning's strategy for FSDP2, with one file a checkpoint like all others of this project."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from lightning.fabric.utilities.types import _PATH
from lightning.pytorch.strategies import ModelParallelStrategy
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict
from torch.optim import Optimizer

from internvideo_pl.backbones.sharding import load_whole

WHOLE = StateDictOptions(full_state_dict=True)


class FullyShardedStrategy(ModelParallelStrategy):
    """Weights in parts while they are trained (`VideoModule.configure_model`), whole in checkpoints.

    A run can therefore go on with DDP. Lightning's own reading of such a file takes the weights out of it before the
    module and the callbacks have seen it; this one does not.

    Args:
        processes: Of the whole run.
        timeout: Time that a collective operation may take.
    """

    def __init__(self, processes: int, timeout: timedelta):
        super().__init__(
            data_parallel_size=processes, tensor_parallel_size=1, save_distributed_checkpoint=False, timeout=timeout
        )

    def load_checkpoint(self, checkpoint_path: _PATH, weights_only: bool | None = True) -> dict[str, Any]:
        """The file as every process sees it, of which only what is used is read."""
        return torch.load(checkpoint_path, map_location="cpu", mmap=True, weights_only=True)

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        """Each process keeps its part of the weights."""
        assert self.lightning_module is not None
        load_whole(self.lightning_module, checkpoint["state_dict"])

    @property
    def lightning_restore_optimizer(self) -> bool:
        """Lightning hands the optimiser's state over after the weights, as with DDP."""
        return True

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """And its part of the optimiser's state."""
        assert self.lightning_module is not None
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            set_optimizer_state_dict(self.lightning_module, optimizer, self._named(optimizer, state), options=WHOLE)

    def _named(self, optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        """A saved state by names: DDP and FSDP number parameters differently, but both keep the order in the groups."""
        assert self.lightning_module is not None
        names = {value: name for name, value in self.lightning_module.named_parameters()}
        saved = [number for group in state["param_groups"] for number in group["params"]]
        mine = [names[value] for group in optimizer.param_groups for value in group["params"]]
        name_of = dict(zip(saved, mine, strict=True))
        groups = [{**group, "params": [name_of[i] for i in group["params"]]} for group in state["param_groups"]]
        return {"state": {name_of[i]: value for i, value in state["state"].items()}, "param_groups": groups}

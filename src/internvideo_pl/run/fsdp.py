"""Lightning's strategy for FSDP2, with one file a checkpoint like all others of this project."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from lightning.fabric.utilities.types import _PATH
from lightning.pytorch.strategies import ModelParallelStrategy
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict
from torch.distributed.fsdp import FullyShardedDataParallel, OptimStateKeyType

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

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """And its part of the optimiser's state."""
        assert self.lightning_module is not None
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            named = FullyShardedDataParallel.rekey_optim_state_dict(
                state, OptimStateKeyType.PARAM_NAME, self.lightning_module
            )
            set_optimizer_state_dict(self.lightning_module, optimizer, named, options=WHOLE)
            for group, saved in zip(optimizer.param_groups, state["param_groups"], strict=True):
                group["lr"] = saved["lr"]  # PyTorch leaves the first step's rate, and the schedule moves only after it

"""torch.compile, one transformer block at a time.

Blocks that are alike share a graph, so that forty compile in the time of two (PyTorch calls it regional compilation).
"""

import os
import shutil

from torch import nn

from internvideo_pl.backbones.sharding import UNIT
from internvideo_pl.errors import UserError


def compile_blocks(model: nn.Module, backend: str = "inductor") -> None:
    """Has every transformer block of a model compiled when it is first called; names of weights stay as they are.

    Args:
        model: Keeps its other layers as they are.
        backend: Of `torch.compile`.

    Raises:
        UserError: There is no transformer block in it.
    """
    blocks = [module for name, module in model.named_modules() if UNIT.fullmatch(name)]
    if not blocks:
        raise UserError("trainer.compile: this model has no transformer block to compile; leave it out")
    for block in blocks:
        block.compile(backend=backend, fullgraph=True)


def require_compiler(on_gpu: bool) -> None:
    """What torch.compile writes for a CPU has to be built there.

    Raises:
        UserError: There is no C++ compiler.
    """
    wanted = os.environ.get("CXX", "g++")
    if not on_gpu and shutil.which(wanted) is None:
        raise UserError(
            f"trainer.compile on a CPU needs a C++ compiler and there is no {wanted}: install g++, name another with "
            "CXX=, or leave trainer.compile out"
        )

"""Activation checkpointing: a block's input is kept for the backward pass, and the rest is computed again.

It costs about a third more time and saves most of a block's memory.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Self

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Recomputation:
    """How far a counter moves while blocks are computed again: what a count of useful work leaves out.

    Args:
        counter: Reads it, such as `FlopCounterMode.get_total_flops`.

    Attributes:
        total: Of all blocks so far, since the watch was entered as a context.
    """

    def __init__(self, counter: Callable[[], int]):
        self.counter = counter
        self.total = 0

    def __enter__(self) -> Self:
        """The watch itself."""
        _WATCHES.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        """No longer watch."""
        _WATCHES.remove(self)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Adds what the counter counts inside to the total."""
        before = self.counter()
        try:
            yield
        finally:
            self.total += self.counter() - before


_WATCHES: list[Recomputation] = []


def run_block(block: nn.Module, *inputs: Any, recompute: bool) -> Any:
    """What a block makes of its inputs.

    Args:
        block: Any module. What it draws at random is the same the second time, and its batch norms count once.
        inputs: Its arguments.
        recompute: Whether its activations are computed again in the backward pass. Without gradients it has no effect.
    """
    if not recompute or not torch.is_grad_enabled():
        return block(*inputs)
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    if not (norms or _WATCHES) or torch.compiler.is_compiling():  # a compiler updates statistics once
        return checkpoint(block, *inputs, use_reentrant=False)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _again(norms)

    return checkpoint(block, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def _again(norms: list[_BatchNorm]) -> Iterator[None]:
    """What holds while a block is computed again."""
    with ExitStack() as stack:
        stack.enter_context(_statistics_at_rest(norms))
        for watch in _WATCHES:
            stack.enter_context(watch.noted())
        yield


@contextmanager
def _statistics_at_rest(norms: list[_BatchNorm]) -> Iterator[None]:
    """Batch norms that use the batch's statistics and do not add them to the running ones again."""
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    try:
        for norm in norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count

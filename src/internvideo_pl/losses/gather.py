"""What a loss over all processes needs: everybody's features, with gradient, and totals.

Shapes: B samples of this process (may differ between processes), D width.
Outside a process group every function returns what it was given.
"""

from typing import Any

import torch
from torch import Tensor, distributed


def world_size() -> int:
    """Number of training processes, 1 outside a process group."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def gather_with_gradient(x: Tensor) -> Tensor:
    """Everybody's rows, in the order of the ranks.

    The gradient that comes back to a process is the sum over all processes' losses. When each process computes the
    same loss on the gathered rows, and gradients of shared weights are averaged over processes (as DDP does), a step
    equals that of one process with the whole batch.

    Args:
        x: (B, D); B may differ between processes (the last batch of an epoch).

    Returns:
        (sum of B, D).
    """
    if world_size() == 1:
        return x
    rows: Tensor = _Gather.apply(x, _row_counts(x))
    return rows


def total(x: Tensor) -> Tensor:
    """Sum of a detached tensor over processes."""
    x = x.detach().clone()
    if world_size() > 1:
        distributed.all_reduce(x)
    return x


def rank_rows(x: Tensor) -> slice:
    """Where this process's rows stand in `gather_with_gradient` of the same tensor."""
    if world_size() == 1:
        return slice(0, len(x))
    counts, rank = _row_counts(x), distributed.get_rank()
    return slice(sum(counts[:rank]), sum(counts[: rank + 1]))


def _row_counts(x: Tensor) -> list[int]:
    counts = x.new_zeros(world_size(), dtype=torch.int64)
    counts[distributed.get_rank()] = len(x)
    distributed.all_reduce(counts)
    return counts.tolist()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        padded = x.new_zeros(max(counts), *x.shape[1:])  # collectives want equal shapes
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        grad = grads[0].contiguous().clone()
        distributed.all_reduce(grad)
        rank = distributed.get_rank()
        return grad.split(ctx.counts)[rank], None

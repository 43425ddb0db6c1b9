"""Rows that a metric keeps for every test sample, gathered over processes and counted once.

Padding of a distributed sampler repeats samples, and the last process may have none at all. Both change a number when
a metric only sums. The metrics of this package therefore keep one row a sample with its key, gather the rows, and drop
repeats before anything is scored.

Shape legend: N rows kept, C columns of a key.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


def first_of_each(key: Tensor) -> Tensor:
    """Positions of the first row of every distinct key, in the order of the keys.

    Args:
        key: int64, (N,) or (N, C).

    Returns:
        int64 (number of distinct keys,).
    """
    key = _one_number(key) if key.ndim == 2 and len(key) else key
    if key.ndim == 1:
        value, order = key.sort(stable=True)
        return order[torch.cat([value[:1] == value[:1], value[1:] != value[:-1]])]
    unique, inverse = torch.unique(key, dim=0, return_inverse=True)
    position = torch.arange(len(key), device=key.device)
    first = torch.full((len(unique),), len(key), device=key.device)
    return first.scatter_reduce(0, inverse, position, "amin")


def _one_number(key: Tensor) -> Tensor:
    """Keys (N, C) as numbers (N,) in the same order, which are sorted many times faster; as they are if too large."""
    least = key.amin(0)
    spans = (key.amax(0) - least + 1).tolist()
    if math.prod(spans) >= 2**62:
        return key
    number = torch.zeros_like(key[:, 0])
    for column, span in zip((key - least).unbind(1), spans, strict=True):
        number = number * span + column
    return number


class SampleMetric(Metric):
    """A metric whose states are rows of samples: (N, *shape) each, concatenated over batches and processes."""

    full_state_update = False
    is_differentiable = False

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._row_types: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}

    def add_rows(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        """Declare a state `name` that holds one row of `shape` and `dtype` for each sample."""
        self._row_types[name] = (shape, dtype)
        self.add_state(name, default=[], dist_reduce_fx="cat")

    def append(self, **rows: Tensor) -> None:
        """Keep a batch of rows; every tensor is (batch, *shape) as declared."""
        for name, value in rows.items():
            shape, dtype = self._row_types[name]
            assert value.shape[1:] == shape, f"{name}: rows of {tuple(value.shape[1:])}, declared {shape}"
            getattr(self, name).append(value.detach().to(dtype))

    def rows(self, name: str) -> Tensor:
        """All rows of a state so far: (N, *shape); after a sync, those of all processes. Batches become one."""
        kept = getattr(self, name)
        if isinstance(kept, list) and len(kept) > 1:
            kept = [dim_zero_cat(kept)]
            setattr(self, name, kept)  # or the rows would be in memory twice
        return dim_zero_cat(kept) if len(kept) else self._no_rows(name)

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather over processes; a process without a sample joins with zero rows of the declared shape and type.

        torchmetrics (1.9) would join with a 1-D float tensor, on which the collective call stalls or fails.
        """
        for name in self._row_types:
            if isinstance(getattr(self, name), list) and not getattr(self, name):
                setattr(self, name, [self._no_rows(name)])
        super().sync(*args, **kwargs)

    def _no_rows(self, name: str) -> Tensor:
        shape, dtype = self._row_types[name]
        return torch.empty((0, *shape), dtype=dtype, device=self.device)

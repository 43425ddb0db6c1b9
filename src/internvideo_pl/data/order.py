"""In which order samples are read: a pure function of (seed, epoch, position), so that runs repeat and resume.

The position is a number of samples over all processes: neither the number of loader workers nor that of processes
changes which samples a step reads, as long as the global batch stays what it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.utils.data import Sampler


@dataclass(frozen=True)
class Draw:
    """One read of one sample: all randomness of the read is keyed by (seed, epoch, index)."""

    epoch: int
    index: int


def _rank_and_world() -> tuple[int, int]:
    """(rank, world size) of this process; (0, 1) outside torch.distributed."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


class TrainingOrder(Sampler[Draw]):
    """A fresh permutation each epoch, an equal share for every rank; what would be uneven is left to later epochs.

    Args:
        num_samples: Size of the training list.
        seed: Seed of the run.
        repeats: How often the list is walked in an epoch, each time in its own order (short lists, long batches).
    """

    def __init__(self, num_samples: int, seed: int, repeats: int = 1):
        self.num_samples = num_samples
        self.seed = seed
        self.repeats = repeats
        self.epoch = 0
        self.start = 0  # samples of this epoch, over all ranks, that were read before

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch; the epoch that `resume` named keeps its start."""
        if epoch != self.epoch:
            self.resume(epoch, 0)

    def resume(self, epoch: int, start: int) -> None:
        """Go on inside an epoch of which all ranks together have read `start` samples."""
        self.epoch, self.start = epoch, start

    @property
    def rank(self) -> int:
        """Number of this rank, from 0."""
        return _rank_and_world()[0]

    @property
    def world(self) -> int:
        """Number of ranks that share the list."""
        return _rank_and_world()[1]

    def __iter__(self) -> Iterator[Draw]:
        """Draws of this rank, from the start on."""
        rank, world = _rank_and_world()
        total = self.num_samples * self.repeats
        even = total - (total - self.start) % world
        walk, permutation = -1, torch.empty(0)
        for position in range(self.start + rank, even, world):
            here, place = divmod(position, self.num_samples)
            if here != walk:
                walk, permutation = here, self._permutation(self.epoch * self.repeats + here)
            yield Draw(self.epoch * self.repeats + walk, int(permutation[place]))

    def _permutation(self, walk: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + walk)
        return torch.randperm(self.num_samples, generator=generator)

    def __len__(self) -> int:
        """Draws of this rank in a whole epoch."""
        return self.num_samples * self.repeats // self.world


class EvaluationOrder(Sampler[int]):
    """Every item exactly once over all ranks: no padding, no duplicates."""

    def __init__(self, num_items: int):
        self.num_items = num_items

    def __iter__(self) -> Iterator[int]:
        """Items of this rank."""
        rank, world = _rank_and_world()
        yield from range(rank, self.num_items, world)

    def __len__(self) -> int:
        """Items of this rank."""
        rank, world = _rank_and_world()
        return len(range(rank, self.num_items, world))

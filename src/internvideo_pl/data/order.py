"""In which order samples are read: a pure function of (seed, epoch), so that a run can be repeated and resumed."""

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
    """A fresh permutation each epoch, the same share for every rank; the tail that would be uneven is left to later epochs.

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

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Draw]:
        """Draws of this rank."""
        rank, world = _rank_and_world()
        walks = range(self.epoch * self.repeats, (self.epoch + 1) * self.repeats)
        draws = [Draw(walk, index) for walk in walks for index in self._permutation(walk)]
        yield from draws[rank : len(draws) - len(draws) % world : world]

    def _permutation(self, walk: int) -> list[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + walk)
        return torch.randperm(self.num_samples, generator=generator).tolist()

    def __len__(self) -> int:
        """Draws of this rank in an epoch."""
        return self.num_samples * self.repeats // _rank_and_world()[1]


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

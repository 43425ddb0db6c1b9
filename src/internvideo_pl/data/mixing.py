"""Draws from several lists at once: which part a draw is from, and which sample of that part.

A stream is an endless row of draws. It goes in rounds; in each, every part has its fixed number of draws, in an order
drawn anew. What a part gives is a walk over its list without repetition, then another: no video comes a second time
before all others of its part have come, in whatever epoch or round. A draw is a pure function of (seed, position).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from internvideo_pl.data.batch import Clip, Sample
from internvideo_pl.data.clips import TrainingClips
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.order import Draw, TrainingOrder

_ROUND = 0  # in a seed, where a part has its number from 1


class Stream:
    """An endless row of draws from parts.

    Args:
        sizes: Samples of each part.
        counts: Draws of each part in a round.
        firsts: Index of each part's first sample in the list of all.
        seed: The same gives the same stream.
    """

    def __init__(self, sizes: Sequence[int], counts: Sequence[int], firsts: Sequence[int], seed: Sequence[int]):
        self.sizes, self.counts, self.firsts = sizes, counts, firsts
        self.seed = list(seed)
        self.ends = list(accumulate(counts))
        self._round = -1
        self._kept: dict[tuple[int, int], np.ndarray] = {}  # permutations that the current round needs

    def at(self, position: int) -> Draw:
        """The draw of a position, from 0; its epoch is the number of the walk over its part."""
        turn, place = divmod(position, self.ends[-1])
        if turn != self._round:
            self._round, self._kept = turn, {}
        slot = int(self._permutation(_ROUND, turn, self.ends[-1])[place])
        part = bisect_right(self.ends, slot)
        drawn = turn * self.counts[part] + slot - (self.ends[part] - self.counts[part])
        walk, step = divmod(drawn, self.sizes[part])
        index = int(self._permutation(part + 1, walk, self.sizes[part])[step])
        return Draw(walk, self.firsts[part] + index)

    def _permutation(self, what: int, number: int, size: int) -> np.ndarray:
        key = (what, number)
        if key not in self._kept:
            self._kept[key] = np.random.default_rng([*self.seed, what, number]).permutation(size)
        return self._kept[key]


class MixtureOrder(TrainingOrder):
    """Steps of one batch a stream, those of the first stream first; an equal share of each for every rank.

    The streams go on from epoch to epoch, so an epoch is nothing but a number of steps.

    Args:
        streams: Where the draws come from.
        batches: Draws of each stream that one process reads in a step.
        steps: Steps of an epoch of one process that runs alone; several processes share them.
        seed: Of the run.
    """

    def __init__(self, streams: Sequence[Stream], batches: Sequence[int], steps: int, seed: int):
        super().__init__(steps * sum(batches), seed)
        self.streams, self.batches, self.steps = streams, batches, steps

    def __iter__(self) -> Iterator[Draw]:
        """Draws of this rank, from the start on."""
        rank, world = self.rank, self.world
        steps, step = self.steps // world, sum(self.batches) * world
        for position in range(self.start + rank, steps * step, world):
            number, place = divmod(position, step)
            yield self._at(self.epoch * steps + number, place, world)

    def _at(self, step: int, place: int, world: int) -> Draw:
        """The draw at a place of a step, counted over all streams and ranks."""
        for stream, batch in zip(self.streams, self.batches, strict=True):
            if place < batch * world:
                return stream.at(step * batch * world + place)
            place -= batch * world
        raise AssertionError("a step has no such place")

    def __len__(self) -> int:
        """Draws of this rank in a whole epoch."""
        return self.steps // self.world * sum(self.batches)


class MixtureClips(Dataset[list[Clip]]):
    """Clips of all parts; a video that cannot be read is replaced by another of its own part.

    Args:
        parts: Clips of each.
        firsts: Index of each part's first sample in the list of all.
    """

    def __init__(self, parts: Sequence[TrainingClips], firsts: Sequence[int]):
        self.parts, self.firsts = parts, firsts

    def __getitem__(self, draw: Draw) -> list[Clip]:
        """The clips of a draw; their index counts over all parts."""
        part = bisect_right(self.firsts, draw.index) - 1
        first = self.firsts[part]
        clips = self.parts[part][Draw(draw.epoch, draw.index - first)]
        return [replace(clip, index=clip.index + first) for clip in clips]


class JoinedIndex(SampleIndex):
    """Several lists read as one, without a copy.

    Args:
        parts: The lists, by the name that stands before each key.
    """

    def __init__(self, parts: dict[str, SampleIndex]) -> None:
        super().__init__()
        self._parts = list(parts.items())
        self.firsts = [0, *accumulate(len(samples) for samples in parts.values())][:-1]

    def append(self, sample: Sample) -> None:
        """A joined list does not grow."""
        raise TypeError("append to the part instead")

    def __getitem__(self, number: Any) -> Any:  # as in `SampleIndex`
        """An entry, or a list of entries; the key begins with the part's name."""
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        part = bisect_right(self.firsts, number) - 1
        name, samples = self._parts[part]
        sample = samples[number - self.firsts[part]]
        return replace(sample, key=f"{name}/{sample.key}")

    def __len__(self) -> int:
        """Number of entries of all parts."""
        return sum(len(samples) for _, samples in self._parts)

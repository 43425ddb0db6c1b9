"""The loader of training batches, which knows its place, and what all loaders have in common.

torchdata's StatefulDataLoader (0.11) is not used: its order in the next epoch differs without workers, and what it
saved with workers it cannot load without. Here the order is a pure function (`order`), so the place is one number.
"""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from internvideo_pl.data.batch import Batch, collate
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.order import TrainingOrder
from internvideo_pl.video.watchdog import Victim, victim, watch


def own_group(worker: int) -> None:
    """Take a loader worker out of its trainer's process group.

    A terminal's Ctrl-C and a cluster's warning go to the whole group: the trainer still needs its workers until it has
    saved, and ends them itself. A worker whose trainer is gone ends within seconds.
    """
    os.setpgid(0, 0)


def begin_worker(shared: Victim, seconds: float, worker: int) -> None:
    """The first steps of a loader worker; it is ended when reading one video hangs (`video.watchdog`)."""
    own_group(worker)
    watch(seconds, shared.end_process)


def loading(config: ClipConfig) -> dict[str, Any]:
    """What loaders of training and of evaluation share, as arguments of a DataLoader."""
    return {
        "batch_size": config.batch_size,
        "collate_fn": collate,
        "num_workers": config.num_workers,
        "persistent_workers": config.num_workers > 0,
        "pin_memory": config.pin_memory,
        "worker_init_fn": partial(begin_worker, victim(), config.decode_timeout),
        "generator": torch.Generator(),  # of the workers' seeds, which nothing uses: spares the one that training uses
    }


class TrainingLoader(DataLoader[Batch]):
    """Shuffled batches of a training list; an incomplete last batch is dropped.

    A batch counts as read once the next one is asked for: what is saved while a batch is in hand begins with that batch
    again. Lightning saves and restores any loader that has `state_dict` and `load_state_dict`.

    Args:
        clips: Takes draws, gives clips.
        order: In which order.
        config: Batch size, workers.
    """

    def __init__(self, clips: Dataset, order: TrainingOrder, config: ClipConfig):
        super().__init__(clips, sampler=order, drop_last=True, **loading(config))
        self.order = order
        self.clips_a_batch = config.batch_size
        self.place = (order.epoch, order.start)

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]  # a generator does all that is asked of it
        """Batches from the order's start on."""
        epoch, start = self.order.epoch, self.order.start
        step = self.clips_a_batch * self.order.world
        for number, batch in enumerate(super().__iter__()):
            self.place = (epoch, start + number * step)
            yield batch
        self.place = (epoch + 1, 0)

    def state_dict(self) -> dict[str, int]:
        """The place: an epoch, and the samples of it that all processes together have read."""
        epoch, samples = self.place
        return {"epoch": epoch, "samples": samples}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a place; the next iteration begins there."""
        self.order.resume(state["epoch"], state["samples"])
        self.place = (state["epoch"], state["samples"])

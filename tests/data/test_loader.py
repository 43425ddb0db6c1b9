"""The training loader's place, over epochs, workers and processes, beside a list of everything it would read."""

import itertools

import pytest
import torch
from torch.utils.data import Dataset

from internvideo_pl.data import order as order_module
from internvideo_pl.data.batch import Clip
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.loader import TrainingLoader
from internvideo_pl.data.order import Draw, EvaluationOrder, TrainingOrder

SAMPLES, BATCH = 23, 3


class Drawn(Dataset):
    """Clips that show nothing but their draw."""

    def __getitem__(self, draw: Draw) -> list[Clip]:
        return [Clip(torch.zeros(1, 1, 1, 3, dtype=torch.uint8), draw.index, label=draw.epoch)]


def loader(workers: int = 0, batch: int = BATCH) -> TrainingLoader:
    config = ClipConfig(name="toy", num_frames=1, batch_size=batch, num_workers=workers)
    return TrainingLoader(Drawn(), TrainingOrder(SAMPLES, seed=3), config)


def read(batch) -> list[tuple[int, int]]:
    return list(zip(batch.label.tolist(), batch.index.tolist(), strict=True))


def everything(epochs: int = 3) -> list[list[tuple[int, int]]]:
    whole, batches = loader(), []
    for epoch in range(epochs):
        whole.order.set_epoch(epoch)
        batches += [read(batch) for batch in whole]
    return batches


def test_a_loader_goes_on_with_the_batch_in_hand_in_this_epoch_and_the_next():
    whole, each = everything(), SAMPLES // BATCH
    for stop in (0, 1, each - 1, each, each + 2):
        first = loader()
        done: list = []
        for epoch in range(2):
            first.order.set_epoch(epoch)
            for batch in itertools.islice(first, max(min(stop + 1 - len(done), each), 0)):
                done.append(read(batch))
        state = first.state_dict()
        second = loader()
        second.load_state_dict(state)
        rest: list = []
        for epoch in range(state["epoch"], 3):
            second.order.set_epoch(epoch)
            rest += [read(batch) for batch in second]
        assert done[:stop] + rest == whole, stop


def test_the_length_is_that_of_a_whole_epoch_wherever_it_begins():
    one = loader()
    one.load_state_dict({"epoch": 1, "samples": 4 * BATCH})
    assert len(one) == len(list(loader())) == SAMPLES // BATCH
    assert len(list(one)) == SAMPLES // BATCH - 4


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_neither_the_order_nor_the_place(workers):
    one = loader(workers)
    one.load_state_dict({"epoch": 1, "samples": 2 * BATCH})
    batches = [read(batch) for batch in one]
    each = SAMPLES // BATCH
    assert batches == everything()[each + 2 : 2 * each]
    one.order.set_epoch(2)
    assert [read(batch) for batch in one] == everything()[2 * each :]


@pytest.mark.parametrize("world", [2, 3])
def test_processes_read_the_batch_that_one_process_would(monkeypatch, world):
    """With the global batch unchanged, any number of processes goes on from the place of any other."""
    whole = [set(read(batch)) for batch in loader(batch=6)]
    parts = [set() for _ in whole]
    for rank in range(world):
        monkeypatch.setattr(order_module, "_rank_and_world", lambda rank=rank: (rank, world))
        one = loader(batch=6 // world)
        for number, batch in zip(range(2), one, strict=False):
            parts[number] |= set(read(batch))
        assert one.state_dict() == {"epoch": 0, "samples": 6}  # the second batch is still in hand
        again = loader(batch=6 // world)
        again.load_state_dict({"epoch": 0, "samples": 12})  # by one process, or by many
        for number, batch in enumerate(again, start=2):
            parts[number] |= set(read(batch))
    assert parts == whole


@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_reads_every_item_once_over_all_processes(monkeypatch, world):
    for items in (0, 1, 2, 7, 12):
        read = []
        for rank in range(world):
            monkeypatch.setattr(order_module, "_rank_and_world", lambda rank=rank: (rank, world))
            own = list(EvaluationOrder(items))
            assert len(own) == len(EvaluationOrder(items))
            read += own
        assert sorted(read) == list(range(items))

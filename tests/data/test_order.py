import pytest

from internvideo_pl.data import order
from internvideo_pl.data.order import EvaluationOrder, TrainingOrder


def indices(sampler):
    return [draw.index for draw in sampler]


def test_training_order_is_a_function_of_seed_and_epoch():
    first, again, other = TrainingOrder(50, seed=1), TrainingOrder(50, seed=1), TrainingOrder(50, seed=2)
    assert indices(first) == indices(again)
    assert indices(first) != indices(other)
    first.set_epoch(3)
    assert indices(first) != indices(again)
    again.set_epoch(3)
    assert list(first) == list(again)


def test_training_order_visits_everything_once_a_walk():
    sampler = TrainingOrder(7, seed=0, repeats=3)
    assert len(sampler) == 21
    draws = list(sampler)
    assert {draw.epoch for draw in draws} == {0, 1, 2}
    for walk in range(3):
        assert sorted(draw.index for draw in draws if draw.epoch == walk) == list(range(7))


def test_walks_of_different_epochs_never_share_a_key():
    sampler = TrainingOrder(5, seed=0, repeats=2)
    seen = set()
    for epoch in range(3):
        sampler.set_epoch(epoch)
        seen |= set(sampler)
    assert len(seen) == 30


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_evenly_without_overlap(monkeypatch, world):
    shares, tests = [], []
    for rank in range(world):
        monkeypatch.setattr(order, "_rank_and_world", lambda rank=rank: (rank, world))
        sampler = TrainingOrder(10, seed=0)
        shares.append(indices(sampler))
        assert len(shares[-1]) == len(sampler) == 10 // world
        tests += list(EvaluationOrder(10))
        assert len(EvaluationOrder(10)) == len(list(EvaluationOrder(10)))
    flat = [index for share in shares for index in share]
    assert len(set(flat)) == len(flat) == 10 // world * world
    assert sorted(tests) == list(range(10))

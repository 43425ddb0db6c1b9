"""Draws from several parts against a plain account of what must come, and the order over ranks and resumes."""

from collections import Counter

import pytest

from internvideo_pl.data import order as order_module
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.mixing import JoinedIndex, MixtureOrder, Stream
from internvideo_pl.data.order import Draw

SIZES, COUNTS, FIRSTS = (5, 12, 3), (10, 6, 4), (0, 5, 17)
BATCHES = (6, 12)


def stream(seed: int = 0) -> Stream:
    return Stream(SIZES, COUNTS, FIRSTS, [seed])


def part_of(draw: Draw) -> int:
    return sum(draw.index >= first for first in FIRSTS) - 1


def test_every_round_has_each_part_as_often_as_its_count():
    for turn in range(4):
        drawn = Counter(part_of(stream().at(turn * sum(COUNTS) + i)) for i in range(sum(COUNTS)))
        assert [drawn[part] for part in range(3)] == list(COUNTS)


def test_no_sample_comes_again_before_all_others_of_its_part():
    one, seen = stream(), Counter()
    for position in range(30 * sum(COUNTS)):
        draw = one.at(position)
        seen[draw] += 1
    assert set(seen.values()) == {1}  # (walk, index) is unique: the walk is part of the draw
    for part, size in enumerate(SIZES):
        walks = Counter(draw.epoch for draw in seen if part_of(draw) == part)
        full = [walk for walk in walks if walks[walk] == size]
        assert len(full) >= len(walks) - 1  # the last walk may be under way
        assert sorted(walks) == list(range(len(walks)))


def test_a_draw_depends_on_seed_and_position_alone():
    forward, backward = stream(), stream()
    positions = list(range(70))
    assert [forward.at(p) for p in positions] == [backward.at(p) for p in reversed(positions)][::-1]
    assert [stream(1).at(p) for p in positions] != [forward.at(p) for p in positions]


def order(batches=BATCHES, steps=4) -> MixtureOrder:
    return MixtureOrder([stream(0), Stream((50,), (50,), (20,), [1])], batches, steps, seed=0)


def test_a_step_has_its_videos_first_and_epochs_go_on_in_the_streams():
    one = order()
    draws = []
    for epoch in range(3):
        one.set_epoch(epoch)
        draws += list(one)
    assert len(draws) == 3 * len(one) == 3 * 4 * sum(BATCHES)
    videos = [draw for i, draw in enumerate(draws) if i % sum(BATCHES) < BATCHES[0]]
    images = [draw for i, draw in enumerate(draws) if i % sum(BATCHES) >= BATCHES[0]]
    assert videos == [stream().at(i) for i in range(len(videos))]
    assert all(draw.index >= 20 for draw in images)
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_the_steps_that_one_process_would_read(monkeypatch, world):
    whole = list(order())
    size = sum(BATCHES)
    steps = [set(whole[i : i + size]) for i in range(0, len(whole), size)]
    own = tuple(batch // world for batch in BATCHES)
    shared = [set() for _ in steps]
    for rank in range(world):
        monkeypatch.setattr(order_module, "_rank_and_world", lambda rank=rank: (rank, world))
        draws = list(order(own, steps=4 * world))
        assert len(draws) == len(order(own, steps=4 * world))
        for number, found in enumerate(shared):
            found |= set(draws[number * sum(own) : (number + 1) * sum(own)])
    assert shared == steps


def test_a_resumed_epoch_goes_on_where_it_was():
    one = order()
    one.resume(2, 2 * sum(BATCHES))
    other = order()
    other.set_epoch(2)
    assert list(one) == list(other)[2 * sum(BATCHES) :]


def test_a_joined_list_is_its_parts_one_after_the_other():
    parts = {
        "a": SampleIndex([Sample("x", "1", texts=("t",)), Sample("y", "2", 3)]),
        "b": SampleIndex([Sample("z", "1")]),
    }
    joined = JoinedIndex(parts)
    assert list(joined) == [Sample("x", "a/1", texts=("t",)), Sample("y", "a/2", 3), Sample("z", "b/1")]
    assert (len(joined), joined[-1].key, [s.key for s in joined[1:]]) == (3, "b/1", ["a/2", "b/1"])
    with pytest.raises(IndexError):
        joined[3]
    with pytest.raises(TypeError):
        joined.append(Sample("x", "1"))

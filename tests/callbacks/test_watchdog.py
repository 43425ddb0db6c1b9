"""Who is dead, who hangs, who failed: judged from signs, and once by real threads that share a store."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import distributed

from internvideo_pl.callbacks import watchdog as module
from internvideo_pl.callbacks.ranks import Ranks, Turns
from internvideo_pl.callbacks.watchdog import SILENT, Sign, Watchdog
from internvideo_pl.data.batch import Batch, Sample
from internvideo_pl.errors import Interrupted, RunFailed

MINE = Sign(0, "left", 10, beat=3, place=7, age=1.0, doing="in step 3 with a")
OTHER = Sign(1, "right", 11, beat=3, place=7, age=1.0, doing="in step 3 with b")


def judge(mine: Sign, other: Sign, silence: float = 1.0) -> str:
    return Watchdog(Ranks(0, 2), minutes=2).judge({0: (mine, 0.0), 1: (other, silence)})


def test_a_run_that_moves_is_left_alone():
    assert judge(MINE, OTHER) == ""
    assert judge(replace(MINE, age=119.0), replace(OTHER, place=6, age=119.0)) == ""
    assert judge(MINE, replace(OTHER, ended=True), silence=10 * SILENT) == ""
    assert judge(replace(MINE, age=None), replace(OTHER, age=None)) == ""  # between the loops nothing is late


def test_a_process_without_a_sign_of_life_is_named():
    said = judge(MINE, OTHER, silence=SILENT + 1)
    assert said.startswith("rank 1 (process 11 on right) has given no sign of life for 21 s; it was in step 3 with b")


def test_a_process_that_never_came_is_waited_for_longer():
    never = Sign(1, "", 0)
    assert judge(MINE, never, silence=SILENT + 1) == ""
    assert judge(MINE, never, silence=301).startswith("rank 1 has given no sign of life for 301 s; it was starting")


def test_who_lags_behind_is_named_and_not_who_waits_for_it():
    late = {"age": 121.0}
    assert judge(replace(MINE, **late), replace(OTHER, place=6, **late)).startswith("rank 1 (process 11 on right) hung")
    said = judge(replace(MINE, place=6, **late), replace(OTHER, **late))
    assert said == "rank 0 (process 10 on left) hung for more than 2 min in step 3 with a"
    assert judge(replace(MINE, **late), replace(OTHER, **late)).startswith("rank 0 (process 10 on left), rank 1")


def test_a_failure_is_handed_on_and_a_signal_only_when_the_others_do_not_stop_by_themselves():
    assert judge(MINE, replace(OTHER, failed="no such file")).endswith("failed, no such file")
    stopped = replace(OTHER, failed="stopped after step 4", ended=True)
    assert judge(MINE, stopped) == ""
    assert "stopped after step 4" in judge(MINE, stopped, silence=SILENT + 1)


def test_images_beside_the_videos_are_named_too():
    samples = [Sample(f"/{i}.mp4", f"video{i}") for i in range(9)]
    data = SimpleNamespace(split=lambda _: SimpleNamespace(samples=samples))
    watchdog, trainer = Watchdog(Ranks(0, 1), minutes=2), SimpleNamespace(datamodule=data, global_step=0)
    images = Batch(*[torch.arange(5, 9)] * 4)
    watchdog.on_train_batch_start(trainer, None, replace(images, index=torch.arange(2), images=images), 0)
    assert (
        f"{watchdog.words} {watchdog.videos}" == "in step 1 with video0, video1 and images video5, video6, video7, ..."
    )


@pytest.fixture
def pair(monkeypatch):
    """Two processes' watchdogs in one, on a store that both have; what each would end with."""
    store, ends = distributed.HashStore(), ([], [])
    monkeypatch.setattr(Ranks, "store", lambda _: store)
    monkeypatch.setattr(module, "BEAT", 0.02)
    monkeypatch.setattr(module, "SILENT", 1.0)
    return [Watchdog(Ranks(rank, 2), 1 / 60, ends[rank].append) for rank in range(2)], ends


def test_each_hears_the_other_fail(pair):
    (left, right), ends = pair
    with left.watching():
        with pytest.raises(RunFailed), right.watching():
            raise RunFailed("the loss of step 4 is not finite")
        time.sleep(0.3)
    assert len(ends[0]) == 1
    assert "rank 1 (process" in ends[0][0]
    assert "the loss of step 4 is not finite: this process ends too" in ends[0][0]
    assert ends[1] == []


def test_the_first_sign_is_given_at_once(pair, monkeypatch):
    """Who dies before it has given one is waited for as long as a process that has not started yet."""
    (left, right), ends = pair
    monkeypatch.setattr(module, "BEAT", 60.0)
    store = right.ranks.store()
    with right.watching():
        until = time.monotonic() + 5
        while not store.check(["sign/1"]):
            assert time.monotonic() < until
            time.sleep(0.01)
    (sign, _) = left._listen(store)[1]
    assert sign.beat > 0
    assert ends == ([], [])


def test_both_name_the_one_that_hangs(pair):
    (left, right), ends = pair
    with left.watching(), right.watching():
        left._move("in step 1 with a", None)
        left._move("in step 1 with a", None)
        right._move("in step 1 with b", None)
        time.sleep(1.5)
    for said in ends:
        assert len(said) == 1
        assert "rank 1 (process" in said[0]
        assert "hung for more than 0.0166667 min in step 1 with b" in said[0]


def test_an_end_and_a_signal_leave_the_other_alone(pair):
    (left, right), ends = pair
    with left.watching():
        with right.watching():
            pass
        with pytest.raises(Interrupted), right.watching():
            raise Interrupted(10, "stopped after step 4")
        time.sleep(0.3)
    assert ends == ([], [])
    assert not [thread for thread in threading.enumerate() if thread.name == "watchdog"]


def test_turns_are_taken_in_order(pair):
    order: list[int] = []
    members = [Ranks(rank, 4, rank % 2, 2, rank // 2) for rank in range(4)]

    def take(ranks: Ranks) -> None:
        with Turns(ranks).turn("find"):
            time.sleep(0.05)
            order.append(ranks.rank)

    threads = [threading.Thread(target=take, args=(ranks,)) for ranks in reversed(members)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert order[0] == 0
    assert order.index(2) < order.index(3)
    assert sorted(order) == [0, 1, 2, 3]


def test_a_process_is_alone_unless_torchrun_started_it(monkeypatch):
    for word in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(word, raising=False)
    assert (Ranks.here().rank, Ranks.here().world, Ranks.here().first) == (0, 1, True)
    told = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "h"}
    for word, value in {**told, "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(word, value)
    ranks = Ranks.here()
    assert (ranks.rank, ranks.world, ranks.local, ranks.nodes, ranks.node, ranks.first) == (5, 8, 1, 2, 1, False)

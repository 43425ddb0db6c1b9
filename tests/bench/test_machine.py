"""The machine in words, and its rate."""

import platform

import pytest
import torch

from internvideo_pl.bench import machine
from internvideo_pl.bench.timing import Timing


def test_words_without_names():
    words = machine.describe()
    assert words["threads"] == str(torch.get_num_threads())
    assert words["processor"]
    assert words["memory"].endswith(" GiB")
    assert len(platform.node()) < 3 or platform.node() not in " ".join(words.values())


def test_rate_is_that_of_the_fastest_product(monkeypatch):
    seconds = iter([0.5, 0.1])
    monkeypatch.setattr(machine, "race", lambda contenders, rounds: {"product": Timing([next(seconds)])})
    found = machine.matmul_rate(torch.float32, [(10, 20, 30), (5, 5, 5)])
    assert found == pytest.approx(max(2 * 6000 / 0.5, 2 * 125 / 0.1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rate_of_a_real_product_is_plausible(monkeypatch, dtype):
    monkeypatch.setattr(machine, "race", lambda contenders, rounds: {"product": Timing([_seconds(contenders[0])])})
    assert 1e7 < machine.matmul_rate(dtype, [(64, 64, 64)]) < 1e15


def _seconds(contender):
    from internvideo_pl.bench.timing import seconds_of

    step = contender.build()
    step()
    return seconds_of(step, repeats=20)

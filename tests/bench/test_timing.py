"""Taking turns, ratios round by round, peak memory of another process."""

import pytest

from internvideo_pl.bench import timing
from internvideo_pl.bench.timing import (
    Contender,
    Timing,
    peak_memory,
    race,
    resident_peak,
    seconds_of,
    speedup,
    spread_of_speedup,
)

MEBI = 2**20


@pytest.fixture
def clock(monkeypatch):
    """A clock that only steps move, and the order in which they ran."""
    now, calls = [0.0], []
    for name in ("perf_counter", "process_time"):
        monkeypatch.setattr(timing.time, name, lambda: now[0])

    def contender(name, seconds):
        def step():
            calls.append(name)
            now[0] += seconds

        return Contender(name, lambda: step)

    return contender, calls


def test_contenders_take_turns_after_warming_up(clock):
    contender, calls = clock
    timings = race([contender("slow", 3.0), contender("fast", 1.0)], rounds=2)
    assert calls == ["slow", "slow", "fast", "fast", *["slow", "fast"] * 2]
    assert timings["slow"].seconds == [3.0, 3.0]
    assert speedup(timings, "fast", "slow") == pytest.approx(3)


def test_short_steps_are_repeated_until_the_clock_can_tell(clock):
    contender, calls = clock
    timings = race([contender("short", 0.01)], rounds=1)
    assert len(calls) == 2 + 20
    assert timings["short"].median == pytest.approx(0.01)


def test_two_of_a_name_are_refused(clock):
    contender, _ = clock
    with pytest.raises(AssertionError, match="share a name"):
        race([contender("one", 1.0), contender("one", 2.0)])


def test_ratios_are_taken_round_by_round():
    # both slow down threefold in the second half; the ratio of medians would say 10 / 6, every round says 2
    timings = {"a": Timing([2.0, 2.0, 6.0, 6.0, 6.0]), "b": Timing([1.0, 1.0, 3.0, 3.0, 3.0])}
    assert speedup(timings, "b", "a") == 2
    assert spread_of_speedup(timings, "b", "a") == 0
    timings["b"] = Timing([2.0, 1.0, 3.0, 2.0, 3.0])  # ratios 1, 2, 2, 3, 2
    assert speedup(timings, "b", "a") == 2
    assert spread_of_speedup({"a": Timing([1, 2, 3, 4, 9]), "b": Timing([1] * 5)}, "b", "a") == 1


def test_median_and_spread():
    assert Timing([1.0, 2.0, 4.0]).median == 2
    assert Timing([1.0, 2.0, 4.0]).spread == pytest.approx(0.75)


def test_seconds_are_a_mean_over_repeats(clock):
    contender, calls = clock
    assert seconds_of(contender("one", 2.0).build(), repeats=5) == pytest.approx(2.0)
    assert len(calls) == 5


def _holding(mebibytes):
    return lambda: bytearray(b"x" * (mebibytes * MEBI)).clear()


def test_peak_memory_is_that_of_a_process_of_its_own():
    mine = bytearray(b"x" * (300 * MEBI))  # what this process holds does not count
    little, much = (peak_memory(Contender(f"{n}", _Build(n))) for n in (1, 200))
    assert len(mine) == 300 * MEBI
    assert 180 * MEBI < much - little < 500 * MEBI


class _Build:
    """A picklable builder of a step that holds memory for a moment."""

    def __init__(self, mebibytes):
        self.mebibytes = mebibytes

    def __call__(self):
        return _holding(self.mebibytes)


def test_resident_peak_grows_with_what_is_held():
    before = resident_peak()
    held = bytearray(b"x" * (resident_peak() + 100 * MEBI))
    assert resident_peak() >= before + 100 * MEBI
    del held
    assert resident_peak() >= before + 100 * MEBI


def _holds() -> timing.Step:
    return lambda: bytes(200 * MEBI)


def test_a_long_step_is_taken_once_in_a_process_of_its_own():
    seconds, held = timing.once(Contender("holds", _holds))
    assert seconds > 0
    assert held > 200 * MEBI

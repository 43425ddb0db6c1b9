"""Contenders timed in turn within one process, and their peak memory, each in a process of its own.

The clock of a shared machine drifts, so contenders take turns (A B A B ...) and are compared round by round: a ratio is
the median of the rounds' ratios, not the ratio of two medians taken minutes apart.
"""

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

Step = Callable[[], object]

SHORTEST_SAMPLE = 0.2  # seconds; shorter steps are repeated within a sample, or the clock's jitter would count
MEMORY_STEPS = 2  # the first step of training allocates the optimiser's state, the second peaks


@dataclass(frozen=True)
class Contender:
    """Something to be measured.

    Attributes:
        name: As it is printed; unique within a race.
        build: Prepares everything and returns the step that is timed. To be measured in another process it must be
            picklable: a function of a module, or a `functools.partial` of one.
    """

    name: str
    build: Callable[[], Step]


@dataclass(frozen=True)
class Timing:
    """Seconds of one step, once a round."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the distance between the fastest and the slowest round, as a fraction of the median."""
        return (max(self.seconds) - min(self.seconds)) / 2 / self.median


def race(contenders: Sequence[Contender], rounds: int = 5) -> dict[str, Timing]:
    """Builds all contenders, warms each up, then times them in turn.

    Args:
        contenders: In the order in which they take turns.
        rounds: How often each is timed; at least 1.

    Returns:
        Timings by name. All have the same number of rounds, so that they can be compared round by round.
    """
    steps = {contender.name: contender.build() for contender in contenders}
    assert len(steps) == len(contenders), "two contenders share a name"
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    with _progress() as progress:
        task = progress.add_task(", ".join(steps), total=(rounds + 1) * len(steps))
        repeats = {}
        for name, step in steps.items():
            seconds_of(step)  # fills caches, allocates
            repeats[name] = max(1, round(SHORTEST_SAMPLE / seconds_of(step)))
            progress.advance(task)
        for _ in range(rounds):
            for name, step in steps.items():
                seconds[name].append(seconds_of(step, repeats[name]))
                progress.advance(task)
    return {name: Timing(values) for name, values in seconds.items()}


def speedup(timings: Mapping[str, Timing], name: str, over: str) -> float:
    """How many times faster `name` is than `over`: the median of the rounds' ratios."""
    return statistics.median(_ratios(timings, name, over))


def spread_of_speedup(timings: Mapping[str, Timing], name: str, over: str) -> float:
    """How far the median of the rounds' ratios may be off: half the range of the middle half of them."""
    ratios = sorted(_ratios(timings, name, over))
    quarter = len(ratios) // 4
    return (ratios[len(ratios) - 1 - quarter] - ratios[quarter]) / 2


def _ratios(timings: Mapping[str, Timing], name: str, over: str) -> list[float]:
    pairs = zip(timings[over].seconds, timings[name].seconds, strict=True)
    return [slow / fast for slow, fast in pairs]


def seconds_of(step: Step, repeats: int = 1) -> float:
    """Mean seconds of a step, until the accelerator has finished too.

    One thread on a CPU is measured in processor time, which other work on the machine lengthens less than the clock's.
    """
    clock = time.process_time if torch.get_num_threads() == 1 and not torch.cuda.is_initialized() else time.perf_counter
    _synchronize()
    start = clock()
    for _ in range(repeats):
        step()
    _synchronize()
    return (clock() - start) / repeats


def peak_memory(contender: Contender) -> int:
    """Most bytes that a process holds which only builds the contender and runs it twice.

    It is the GPU's memory where a GPU was used, else the process's resident memory, libraries included.
    """
    return _alone(contender, MEMORY_STEPS)[1]


def once(contender: Contender) -> tuple[float, int]:
    """Seconds of one step, not warmed up, and most bytes held, in a process of its own: for steps of minutes."""
    return _alone(contender, 1)


def _alone(contender: Contender, steps: int) -> tuple[float, int]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(partial(_seconds_and_peak, contender.build, torch.get_num_threads(), steps)).result()


def _seconds_and_peak(build: Callable[[], Step], threads: int, steps: int) -> tuple[float, int]:
    torch.set_num_threads(threads)
    step = build()
    seconds = [seconds_of(step) for _ in range(steps)][-1]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return seconds, torch.cuda.max_memory_allocated()
    return seconds, resident_peak()


def resident_peak() -> int:
    """Most bytes of memory that this process has held since it started."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would hand a child its parent's peak on Linux
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _synchronize() -> None:
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)

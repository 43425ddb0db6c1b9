"""Plans beside the runs that they foretell: pace, time and memory of training, predicted and measured on this machine.

The prediction is what `make plan MINI=1` prints. The measurement is a run of the same experiment in a process of its
own, whose videos are kept in memory already; its test and its pictures are not in it.
"""

import csv
import ctypes
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from internvideo_pl.bench import Options
from internvideo_pl.bench.report import Goal, Section, Value
from internvideo_pl.bench.timing import resident_peak
from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.config import Experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.run.batches import StepBatch
from internvideo_pl.run.build import build_data
from internvideo_pl.run.metrics_log import METRICS
from internvideo_pl.run.pace import probed
from internvideo_pl.run.plan import activations_each, averages, pixels_each, planned, shape_of
from internvideo_pl.run.single import run_one

# Experiments that start from nothing, with steps and changes: plain masked pretraining, four clips of a video, images
# beside the videos. The first two have so many clips a step that the libraries' own memory does not decide.
EXPERIMENTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "pretrain/masked_k400_base": (40, ("data.batch_size=256",)),
    "pretrain/masked_huge_hybrid": (40, ("data.batch_size=64",)),
    "pretrain/align_base": (40, ()),
}
FIRST = 3  # steps of the run that comes before the measured one: imports, and the allocator's habits
NEAR = 1.5  # how far prediction and measurement may lie apart, as a factor
MIB = 2**20

HOW = (
    "Predicted: the probe of `make plan MINI=1` and the bytes that it counts for states, activations and pixels. "
    "Measured: the median pace of a run of the same steps, and how far its process grows over what it held before.",
    "A plan leaves the reading of videos out: what the run waits for it is in its pace and its seconds, and its share "
    "stands beside them; the goals compare the pace without. A thread alone is measured in processor time, which other "
    "work on the machine lengthens less than the clock's.",
)


@dataclass(frozen=True)
class Figures:
    """Of an experiment's training, predicted or measured.

    Attributes:
        pace: Clips a second.
        seconds: Of all steps.
        memory: Bytes.
        waited: Share of the time in which it waited for its input.
    """

    pace: float
    seconds: float
    memory: float
    waited: float = 0.0

    @property
    def busy(self) -> float:
        """Clips a second while it does not wait."""
        return self.pace / (1 - self.waited)


def run(options: Options) -> Iterator[Section]:
    """Yields one section: a row an experiment."""
    rows: list[dict[str, Value]] = []
    goals = []
    for name, (steps, changes) in EXPERIMENTS.items():
        foretold, found = (alone(call, name, steps, changes) for call in (predict, measure))
        rows.append(_row(name, steps, foretold, found))
        goals += [
            Goal(f"{name}: pace, measured over predicted", found.busy / foretold.pace, 1 / NEAR),
            Goal(f"{name}: memory, measured over predicted", found.memory / foretold.memory, NEAR, at_most=True),
        ]
    yield Section("plans of miniatures beside their runs", rows, goals, HOW)


def alone(call: Callable[..., Figures], name: str, steps: int, changes: Sequence[str] = ()) -> Figures:
    """What a function finds in a process of its own, with as many threads as this one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(partial(_with_threads, torch.get_num_threads(), call, name, steps, changes)).result()


def _with_threads(threads: int, call: Callable[..., Figures], *arguments: Any) -> Figures:
    torch.set_num_threads(threads)
    return call(*arguments)


def predict(name: str, steps: int, changes: Sequence[str]) -> Figures:
    """An experiment's plan for its miniature on this machine."""
    experiment = _short(name, steps, changes)
    shape, clips = shape_of(experiment, steps), StepBatch.of(experiment).clips
    pace = 1 / probed(experiment, steps, clock=clock()).seconds_per_clip
    each = activations_each(experiment, shape) + pixels_each(experiment)
    return Figures(pace, steps * clips / pace, shape.states(averages(experiment)) + clips * each)


def measure(name: str, steps: int, changes: Sequence[str]) -> Figures:
    """The same of its run."""
    experiment, cache = _short(name, steps, changes), FrameCache()
    for batch in build_data(experiment, cache).train_dataloader():
        del batch  # keeps every video decoded
    with tempfile.TemporaryDirectory() as folder:
        _train(_short(name, FIRST, changes), Path(folder) / "first", cache, _Watch())
        before, watch = _settle(), _Watch()
        _train(experiment, Path(folder) / "run", cache, watch)
        waited = _waited(Path(folder) / "run" / METRICS)
    pairs = zip(watch.times[:-1], watch.times[1:], strict=True)
    each = statistics.median((later - sooner) / (after - step) for (step, sooner), (after, later) in pairs)
    return Figures(StepBatch.of(experiment).clips / each, steps * each, watch.peak - before, waited)


def clock() -> Callable[[], float]:
    """Of the processor where one thread works, else of the wall."""
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    return time.process_time if alone else time.perf_counter


def _short(name: str, steps: int, changes: Sequence[str]) -> Experiment:
    limits = [f"trainer.max_steps={steps}", "trainer.max_epochs=-1", "trainer.accelerator=cpu"]
    return planned(name, [*limits, "wandb.mode=disabled", *changes], mini=True)


@dataclass
class _Watch:
    """Hears of a run's progress: when which step of the training was done, and the process' peak before the test."""

    times: list[tuple[int, float]] = field(default_factory=list)
    peak: int = 0
    now: Callable[[], float] = field(default_factory=clock)

    def __call__(self, phase: str, step: int, **_: Any) -> None:
        if phase == "training":
            self.times.append((step, self.now()))
            self.peak = resident_peak()


def _train(experiment: Experiment, folder: Path, cache: FrameCache, watch: _Watch) -> None:
    folder.mkdir()
    run_one(experiment, folder, {}, cache, Interrupts(), report=watch)


def _waited(log: Path) -> float:
    """Mean share of the time in which a run waited for its input."""
    with log.open(newline="", encoding="utf-8") as file:
        return statistics.mean(float(row["pace/data_wait"]) for row in csv.DictReader(file) if row["pace/data_wait"])


def _settle() -> int:
    """Hands freed memory back to the system and forgets the peak; bytes that the process still holds."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    return resident_peak()


def _row(name: str, steps: int, foretold: Figures, found: Figures) -> dict[str, Value]:
    return {
        "experiment": name,
        "steps": steps,
        "clips/s predicted": foretold.pace,
        "clips/s measured": found.pace,
        "waited %": 100 * found.waited,
        "seconds predicted": foretold.seconds,
        "seconds measured": found.seconds,
        "MiB predicted": foretold.memory / MIB,
        "MiB measured": found.memory / MIB,
    }

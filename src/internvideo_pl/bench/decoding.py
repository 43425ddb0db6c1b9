"""Clips a second out of video files: ours beside Decord, TorchCodec and OpenCV, in one run.

Everything is measured in a process of its own, so that the others' libraries stay out of this one.
"""

import math
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from internvideo_pl.bench import Options
from internvideo_pl.bench.footage import HD, SMALL, made
from internvideo_pl.bench.loading import epochs, train
from internvideo_pl.bench.readers import OURS, READERS, Plan, Read, available, ffmpeg_for_others
from internvideo_pl.bench.reencoding import CHOICES, small_copy
from internvideo_pl.bench.report import Goal, Section, Value
from internvideo_pl.data.shards.reencode import Reencode
from internvideo_pl.errors import UserError
from internvideo_pl.folders import cache_folder
from internvideo_pl.video import sample
from internvideo_pl.video.decode import DecodeError, probe
from internvideo_pl.video.sources import find_videos
from internvideo_pl.video.transform import short_side_size

Row = dict[str, Value]

SHORT_SIDE = 256  # to which frames are scaled while they are decoded, as for training
DENSE, UNIFORM, VIEWS = "16 frames, stride 4", "8 frames of all", "7 views of 16"
# Kind of clips -> (frames of the video, generator) -> frame numbers. Crops of a view are cut from the same frames.
PATTERNS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    DENSE: lambda frames, generator: sample.dense_pretrain(frames, 16, 4, generator),
    UNIFORM: lambda frames, generator: sample.segments_train(frames, 8, generator),
    VIEWS: lambda frames, generator: sample.dense_views(frames, 16, 4, 7).ravel(),
}
# At most this share of the time of the best of the others; of the views, ahead.
GOALS = {DENSE: 0.8, UNIFORM: 0.8, VIEWS: 1.0}
REENCODED_GOALS = {DENSE: 0.25, UNIFORM: 0.25}
SAME, ALIKE = 0.0, 2.0  # mean difference from ours that counts as agreement, of 255: without scaling, and with it

SHARE, REENCODED = "share of the best", f"{OURS}, re-encoded"
HOW = (
    "One decoding thread each; every clip opens its file anew and learns how many frames it has; the same frame "
    "numbers for all, who take turns clip by clip. Milliseconds of processor time: on an idle machine those of the "
    "clock. Medians of rounds; a share is the median of the rounds' shares.",
    "`differ` names readers whose pixels are not ours: at all where nothing is scaled, by more than 2 of 255 on "
    "average where frames are scaled to a short side of 256 (OpenCV does not smooth before it shrinks).",
)


@dataclass(frozen=True)
class Task:
    """Clips of one kind out of one file.

    Attributes:
        name: The file as it is printed.
        path: The file.
        pattern: A row of PATTERNS.
        clips: How many, each at another place.
    """

    name: str
    path: str
    pattern: str
    clips: int

    def plan(self) -> Plan:
        """Frame numbers of the clips, and the size to which frames are scaled."""
        info, generator = probe(self.path), np.random.default_rng(0)
        choose = PATTERNS[self.pattern]
        numbers = [choose(info.num_frames, generator).tolist() for _ in range(self.clips)]
        size = short_side_size(info.height, info.width, SHORT_SIDE)
        return Plan(numbers, None if size == (info.height, info.width) else size)


def run(options: Options) -> Iterator[Section]:
    """Yields one process, two workers, re-encoded files, training, and the person's own clips if a folder is given.

    Raises:
        UserError: The folder holds no video.
    """
    clips = _readable(options.videos) if options.videos is not None else []
    folder = cache_folder() / "bench"
    paths = {footage.name: str(made(footage, folder)) for footage in (SMALL, HD)}
    with ffmpeg_for_others(folder / "ffmpeg"), _process() as process:
        versions, reasons = process.submit(available).result()
        notes = [*HOW, "; ".join(f"{name} {found}" for name, found in versions.items())]
        notes += [f"Left out: {name}, {reason}" for name, reason in reasons.items()]
        names = list(versions)
        tasks = [_task(name, path, pattern) for name, path in paths.items() for pattern in PATTERNS]
        rows = [process.submit(_time, task, names, options.rounds).result() for task in tasks]
        yield Section("Decoding in one process, ms a clip", rows, _goals(rows), notes)
        waits = [process.submit(_load, task, names, options.rounds).result() for task in tasks if task.pattern != VIEWS]
        note = "Clips a second are on the clock; the share is of the workers' processor time."
        yield Section("Decoding in two loader workers, clips/s", waits, _goals(waits), [note])
        yield _reencoded(process, paths, names, options.rounds, folder)
        yield _choices(process, paths[SMALL.name], options.rounds, folder)
        yield _training(process, paths[SMALL.name], folder)
        if options.videos is not None:
            yield _own(process, options.videos, clips, names, options.rounds)


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    )


def _task(name: str, path: str, pattern: str) -> Task:
    """Clips of a step of one of the two files: fewer where each takes seconds."""
    return Task(name, path, pattern, {SMALL.name: 4, HD.name: 2}[name] if pattern != VIEWS else 1)


def _readable(folder: Path) -> list[Path]:
    """Videos of a folder that can be opened.

    Raises:
        UserError: There is none.
    """
    found = []
    for path in find_videos(folder):
        try:
            probe(path)
        except DecodeError:
            continue
        found.append(path)
    if not found:
        raise UserError(f"no video in {folder} can be read")
    return found


def _own(process: Executor, folder: Path, clips: Sequence[Path], names: Sequence[str], rounds: int) -> Section:
    """A person's own clips; one that cannot be decoded is named and left out, as it is speed that is measured."""
    rows: list[Row] = []
    notes = []
    for path in clips:
        tasks = [Task(path.name, str(path), pattern, 2) for pattern in PATTERNS]
        try:
            rows += [process.submit(_time, task, names, rounds).result() for task in tasks]
        except DecodeError as error:
            notes.append(f"Left out: {path.name}, {error.reason}")
    return Section(f"Clips of {folder.name}, one process, ms a clip", rows, notes=notes)


def _time(task: Task, names: Sequence[str], rounds: int) -> Row:
    """Milliseconds a clip of each reader; None for one that cannot read this file."""
    plan = task.plan()
    reads = {name: READERS[name][1]() for name in names}
    differ = _differences(reads, task.path, plan)
    reads = {name: read for name, read in reads.items() if differ[name] is not None}
    times = _in_turns({name: partial(_read, read, task.path, plan) for name, read in reads.items()}, task.clips, rounds)
    row: Row = {"video": task.name, "clip": task.pattern}
    row |= {name: statistics.median(times[name]) if name in times else None for name in READERS}
    row[SHARE] = _share(times)
    limit = ALIKE if plan.size else SAME
    row["differ"] = ", ".join(name for name in reads if (differ[name] or 0.0) > limit) or "none"
    return row


def _read(read: Read, path: str, plan: Plan, clip: int) -> None:
    read(path, plan.numbers[clip], plan.size)


def _in_turns(reads: Mapping[str, Callable[[int], None]], clips: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of processor time a clip, once a round; the first round is left out."""
    times: dict[str, list[float]] = {name: [] for name in reads}
    for round_ in range(rounds + 1):
        sums = dict.fromkeys(reads, 0.0)
        for clip in range(clips):
            for name, read in reads.items():
                started = time.process_time()
                read(clip)
                sums[name] += time.process_time() - started
        for name, total in sums.items() if round_ > 0 else ():
            times[name].append(1000 * total / clips)
    return times


def _share(times: Mapping[str, Sequence[float]], ours: str = OURS) -> float | None:
    """Our time as a share of that of the best of the others: the median of the rounds' shares; None without others."""
    others = [name for name in times if not name.startswith(OURS)]
    if not others:
        return None
    best = min(others, key=lambda name: statistics.median(times[name]))
    return statistics.median(mine / theirs for mine, theirs in zip(times[ours], times[best], strict=True))


def _differences(reads: Mapping[str, Read], path: str, plan: Plan) -> dict[str, float | None]:
    """Mean absolute difference of each reader's pixels from ours; None where it fails."""
    truth = reads[OURS](path, plan.numbers[0], plan.size).astype(np.int16)
    found: dict[str, float | None] = {}
    for name, read in reads.items():
        try:
            pixels = read(path, plan.numbers[0], plan.size)
            found[name] = float(np.abs(truth - pixels).mean()) if pixels.shape == truth.shape else math.inf
        except Exception:  # theirs to choose
            found[name] = None
    return found


def _load(task: Task, names: Sequence[str], rounds: int) -> Row:
    """Clips a second of each reader behind two loader workers."""
    walks = epochs(task.path, replace(task, clips=8 * task.clips).plan(), names, rounds)
    row: Row = {"video": task.name, "clip": task.pattern}
    for name in READERS:
        row[name] = statistics.median(walk.rate for walk in walks[name]) if name in walks else None
    row[SHARE] = _share({name: [walk.effort for walk in walks[name]] for name in walks})
    return row


def _goals(rows: Sequence[Row], wanted: Mapping[str, float] = GOALS) -> list[Goal]:
    """What share of the best of the others' time is wanted of ours, by kind of clips."""
    goals = []
    for row in rows:
        share, pattern = row[SHARE], str(row["clip"])
        if isinstance(share, float) and pattern in wanted:
            goals.append(Goal(f"{row['video']}: {pattern}, {SHARE}", share, wanted[pattern], at_most=True))
    return goals


def _reencoded(
    process: ProcessPoolExecutor, paths: dict[str, str], names: Sequence[str], rounds: int, folder: Path
) -> Section:
    """Ours on files as `make shard` re-encodes them, beside the best of the others on the files as they were."""
    rows = []
    for name, path in paths.items():
        small = str(small_copy(Path(path), folder, Reencode()))
        tasks = [_task(name, path, pattern) for pattern in PATTERNS]
        rows += [process.submit(_gain, task, small, names, rounds).result() for task in tasks]
    title = "Re-encoded as `make shard REENCODE=1` does, one process, ms a clip"
    return Section(title, rows, _goals(rows, REENCODED_GOALS))


def _gain(task: Task, small: str, names: Sequence[str], rounds: int) -> Row:
    """Milliseconds a clip before and after."""
    plan = task.plan()
    reads = {name: partial(_read, READERS[name][1](), task.path, plan) for name in names}
    reads[REENCODED] = partial(_read, READERS[OURS][1](), small, replace(plan, size=None))
    times = _in_turns(reads, task.clips, rounds)
    others = [statistics.median(times[name]) for name in names if name != OURS]
    return {
        "video": task.name,
        "clip": task.pattern,
        "best of the others": min(others, default=None),
        OURS: statistics.median(times[OURS]),
        REENCODED: statistics.median(times[REENCODED]),
        SHARE: _share(times, REENCODED),
        "MB": Path(task.path).stat().st_size / 1e6,
        "MB, re-encoded": Path(small).stat().st_size / 1e6,
    }


def _choices(process: Executor, path: str, rounds: int, folder: Path) -> Section:
    """The small file under every choice of re-encoding."""
    files = {name: str(small_copy(Path(path), folder, settings)) for name, settings in CHOICES.items()}
    rows: list[Row] = [{"re-encoded": name, "MB": Path(file).stat().st_size / 1e6} for name, file in files.items()]
    for pattern in (DENSE, UNIFORM):
        took = process.submit(_chosen, _task(SMALL.name, path, pattern), files, rounds).result()
        for row in rows:
            row[f"{pattern}, ms"] = took[str(row["re-encoded"])]
    return Section(f"Choices of re-encoding, {SMALL.name}, one process", rows)


def _chosen(task: Task, files: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Milliseconds a clip of ours on each file."""
    plan, read = replace(task.plan(), size=None), READERS[OURS][1]()
    times = _in_turns({name: partial(_read, read, file, plan) for name, file in files.items()}, task.clips, rounds)
    return {name: statistics.median(values) for name, values in times.items()}


def _training(process: ProcessPoolExecutor, path: str, folder: Path) -> Section:
    """What the loader of an experiment delivers, and how long a small model waits for it."""
    files = {SMALL.name: path, f"{SMALL.name}, re-encoded": str(small_copy(Path(path), folder, Reencode()))}
    rows: list[Row] = [{"video": name, **process.submit(train, file).result()} for name, file in files.items()]
    note = (
        "Training clips of 16 frames at stride 4, cropped to 224, batches of 8, two workers. `loader` delivers them to "
        "nobody; `training` is masked pretraining of the tiny model beside the workers, on the same cores."
    )
    return Section("From file to training step", rows, notes=[note])

"""Evaluators at the size of their official test sets, beside their definitions one detection at a time."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from internvideo_pl.bench import Options, boxes
from internvideo_pl.bench.official_temporal import Floats, Ints, average_map
from internvideo_pl.bench.report import Goal, Section, Value
from internvideo_pl.bench.timing import Contender, Step, peak_memory, race, speedup
from internvideo_pl.metrics.temporal import ACTIVITYNET, TemporalDetection, TrueSegments

GIB = 2**30
FASTER, ROOM = 10.0, 1.0  # goals: times over the slow one, GiB
ROUNDS = 1  # the slow ones take a minute

# ActivityNet 1.3's validation list, and what a localiser reports: 100 segments a video under the two likeliest classes.
VIDEOS, INSTANCES, CLASSES, DETECTIONS, NAMES = 4_926, 7_654, 200, 100, 2


def run(options: Options) -> Iterator[Section]:
    """Yields a section for each evaluator."""
    for section in SECTIONS:
        yield section(options)


def _temporal(options: Options) -> Section:
    """Temporal localisation by ActivityNet's evaluator."""
    contenders = [Contender("one at a time", _slow), Contender("ours", _ours)]
    timings = race(contenders, min(options.rounds, ROUNDS))
    memory = {each.name: peak_memory(each) / GIB for each in contenders}
    base = peak_memory(Contender("nothing", _nothing)) / GIB
    apart = abs(float(_slow()()) - float(_ours()()))  # type: ignore[arg-type]
    rows: list[dict[str, Value]] = [
        {"evaluator": name, "seconds": timing.median, "peak GiB": memory[name]} for name, timing in timings.items()
    ]
    return Section(
        f"ActivityNet's average mAP, {VIDEOS:,} videos, {VIDEOS * DETECTIONS * NAMES:,} detections",
        rows,
        [
            Goal("times faster than one at a time", speedup(timings, "ours", over="one at a time"), FASTER),
            Goal("peak memory, GiB", memory["ours"], ROOM, at_most=True),
        ],
        [f"The figures differ by {apart:.1e} points; the process alone, with its libraries, holds {base:.2f} GiB."],
    )


def _world() -> tuple[tuple[Floats, Floats, Ints, Ints], tuple[Floats, Ints, Ints]]:
    """Random detections near random instances, one class a video: segments, scores, labels, videos; the truth's."""
    rng = np.random.default_rng(0)
    owner = np.sort(np.r_[np.arange(VIDEOS), rng.integers(0, VIDEOS, INSTANCES - VIDEOS)])
    label = rng.integers(0, CLASSES, VIDEOS)
    start = rng.uniform(0, 100, INSTANCES)
    true = np.stack([start, start + rng.gamma(2.0, 15.0, INSTANCES)], axis=1)
    video = np.repeat(np.arange(VIDEOS), DETECTIONS)
    near = np.searchsorted(owner, video)  # the video's first instance
    segments = np.sort(true[near] + rng.normal(0, 8.0, (len(video), 2)), axis=1)
    scores = rng.uniform(size=len(video))
    second = rng.integers(0, CLASSES, VIDEOS)
    return (
        (
            np.concatenate([segments, segments]),
            np.concatenate([scores, 0.5 * scores]),
            np.concatenate([label[video], second[video]]),
            np.concatenate([video, video]),
        ),
        (true, label[owner], owner),
    )


def _slow() -> Step:
    return partial(average_map, *_world(), np.asarray(ACTIVITYNET))


def _ours() -> Step:
    """The metric with all videos reported, as after a test's last batch; both contenders start from detections."""
    (segments, scores, labels, videos), (true, true_labels, owner) = _world()
    order = np.argsort(videos, kind="stable")
    parts = [
        [torch.from_numpy(part) for part in np.split(array[order], VIDEOS)] for array in (segments, scores, labels)
    ]
    truth = TrueSegments(owner.astype(np.int64), true, true_labels.astype(np.int64), VIDEOS)
    metric = TemporalDetection(truth, compute_with_cache=False)
    for video, (segment, score, label) in enumerate(zip(*parts, strict=True)):
        metric.update(video, segment, score, label)
    return lambda: metric.compute()["avg_mAP"]


def _nothing() -> Step:
    return lambda: None


SECTIONS: tuple[Callable[[Options], Section], ...] = (_temporal, boxes.section)

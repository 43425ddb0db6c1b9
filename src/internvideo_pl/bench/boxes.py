"""AVA's frame mAP at the size of its validation list, beside the way the official evaluator goes, frame by frame."""

from functools import partial

import numpy as np
import torch

from internvideo_pl.bench import Options
from internvideo_pl.bench.official_boxes import Found, Truth, frame_map
from internvideo_pl.bench.report import Goal, Section, Value
from internvideo_pl.bench.timing import Contender, Step, peak_memory, race, seconds_of
from internvideo_pl.metrics.boxes import FrameDetection, TrueBoxes

# AVA v2.2's validation list, and what a localiser reports: 60 scores for each of some two persons, of which 50 count.
FRAMES, BOXES, ACTIONS, FOUND = 57_371, 2, 60, 2
GIB = 2**30
BATCH = 16  # key frames that a test step reports
FASTER, ROOM = 10.0, 1.0  # goals: times over the slow one, GiB


def section(options: Options) -> Section:
    """The comparison; the slow one, which takes a minute or two, runs once."""
    ours = Contender("ours", partial(_ours, FRAMES))
    fast = race([ours], options.rounds)["ours"].median
    kept: list[float] = []
    slow_step = _slow(FRAMES)
    slow = seconds_of(lambda: kept.append(float(slow_step())))  # type: ignore[arg-type]
    apart = abs(kept[0] - float(_ours(FRAMES)()))  # type: ignore[arg-type]
    memory, base = peak_memory(ours) / GIB, peak_memory(Contender("nothing", _nothing)) / GIB
    rows: list[dict[str, Value]] = [
        {"evaluator": "frame by frame", "seconds": slow, "peak GiB": None},
        {"evaluator": "ours", "seconds": fast, "peak GiB": memory},
    ]
    return Section(
        f"AVA's frame mAP, {FRAMES:,} key frames, {FRAMES * FOUND * ACTIONS:,} scores",
        rows,
        [
            Goal("times faster than frame by frame", slow / fast, FASTER),
            Goal("peak memory, GiB", memory, ROOM, at_most=True),
        ],
        [
            f"The figures differ by {apart:.1e} points; the process alone, with its libraries, holds {base:.2f} GiB. "
            "Ours takes a report of every key frame, with the cap."
        ],
    )


def _world(frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True boxes (F, BOXES, 4), an action of each, detected boxes near them, scores (F, FOUND, ACTIONS)."""
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.5, (frames, BOXES, 2))
    true = np.concatenate([low, low + rng.uniform(0.2, 0.5, (frames, BOXES, 2))], axis=2)
    near = true[:, :FOUND] + rng.normal(0, 0.03, (frames, FOUND, 4))
    action = rng.integers(1, ACTIONS + 1, (frames, BOXES))
    return true, action, near, rng.random((frames, FOUND, ACTIONS))


def _ours(frames: int) -> Step:
    """The metric as a test uses it: a report of each key frame, then the figure."""
    true, action, near, scores = _world(frames)
    number = np.repeat(np.arange(frames), BOXES)
    truth = TrueBoxes(number, true.reshape(-1, 4), action.reshape(-1), frames, tuple(range(1, ACTIONS + 1)))
    boxes, score = torch.from_numpy(near), torch.from_numpy(scores).flatten(1)
    label = torch.arange(1, ACTIONS + 1).repeat(FOUND)

    def step() -> float:
        metric = FrameDetection(truth)
        for batch in np.array_split(np.arange(frames), range(BATCH, frames, BATCH)):
            counts = np.full(len(batch), FOUND * ACTIONS)
            mine = slice(batch[0], batch[-1] + 1)
            each = boxes[mine].flatten(0, 1).repeat_interleave(ACTIONS, 0)
            metric.update(batch, counts, each, score[mine].flatten(), label.repeat(len(batch)))
        return metric.compute()["mAP@0.5"]

    return step


def _slow(frames: int) -> Step:
    true, action, near, scores = _world(frames)
    boxes, each = near.repeat(ACTIONS, axis=1), np.tile(np.arange(1, ACTIONS + 1), FOUND)
    found: list[Found] = [(boxes[frame], scores[frame].reshape(-1), each) for frame in range(frames)]
    truth: list[Truth] = [(true[frame], action[frame]) for frame in range(frames)]
    return lambda: frame_map(found, truth, range(1, ACTIONS + 1))


def _nothing() -> Step:
    return lambda: None

"""AVA's frame mAP against loops written from the official definition."""

import heapq

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.boxes import FrameDetection, TrueBoxes
from tests.metrics.test_temporal import slow_interpolated

Box = tuple[int, float, float, float, float, int, float]  # frame, x1, y1, x2, y2, action, score
CLASSES = (1, 3, 80)


def slow_overlap(a: Box, b: Box) -> float:
    width, height = min(a[3], b[3]) - max(a[1], b[1]), min(a[4], b[4]) - max(a[2], b[2])
    common = max(0.0, width) * max(0.0, height)
    union = (a[3] - a[1]) * (a[4] - a[2]) + (b[3] - b[1]) * (b[4] - b[2]) - common
    return common / union if union else 0.0


def slow_cap(found: list[Box], cap: int) -> list[Box]:
    """The evaluator's reader: a heap of the surest rows of each frame."""
    heaps: dict[int, list[tuple[float, ...]]] = {}
    for i, (frame, x1, y1, x2, y2, action, score) in enumerate(found):
        heap = heaps.setdefault(frame, [])
        if len(heap) < cap:
            heapq.heappush(heap, (score, action, y1, x1, y2, x2, i))
        elif score > heap[0][0]:
            heapq.heapreplace(heap, (score, action, y1, x1, y2, x2, i))
    kept = {int(row[-1]) for heap in heaps.values() for row in heap}
    return [d for i, d in enumerate(found) if i in kept]


def slow_mean(truth: list[Box], found: list[Box], cap: int = 50, won: tuple[int, ...] = ()) -> float:
    found = slow_cap([d for d in found if d[5] in CLASSES], cap)
    values = []
    for action in CLASSES:
        true = [t for t in truth if t[5] == action]
        mine = [d for d in found if d[5] == action]
        if not true:
            continue
        taken, flags = set(), [True for t in true if t[0] in won]
        for i in sorted(range(len(mine)), key=lambda i: (mine[i][6], i), reverse=True):
            shares = [slow_overlap(mine[i], t) if t[0] == mine[i][0] else -1.0 for t in true]
            best = shares.index(max(shares))
            flags.append(shares[best] >= 0.5 and best not in taken)
            taken |= {best} if flags[-1] else set()
        values.append(slow_interpolated(flags, len(true)))
    return 100 * sum(values) / len(values)


def world(seed: int, scores: int = 1000) -> tuple[list[Box], list[Box]]:
    """Boxes on a coarse grid, so that overlaps tie; boxes without area; frames without truth; classes never found."""
    random = np.random.default_rng(seed)

    def box() -> tuple[float, float, float, float]:
        x, y = random.integers(0, 4, 2) / 8
        return float(x), float(y), float(x + random.integers(0, 5) / 8), float(y + random.integers(1, 5) / 8)

    truth = [(int(random.integers(0, 6)), *box(), int(random.choice([1, 3, 7])), 1.0) for _ in range(30)]
    found = [
        (
            int(random.integers(0, 8)),
            *box(),
            int(random.choice([1, 3, 7, 80])),
            float(random.integers(0, scores)) / scores,
        )
        for _ in range(120)
    ]
    return truth, sorted(found, key=lambda d: d[0])


def metric_of(truth: list[Box], cap: int = 50) -> FrameDetection:
    rows = np.asarray(truth, dtype=np.float64).reshape(-1, 7)
    boxes = TrueBoxes(rows[:, 0].astype(np.int64), rows[:, 1:5], rows[:, 5].astype(np.int64), 9, CLASSES)
    return FrameDetection(boxes, cap)


def report(metric: FrameDetection, found: list[Box], frames: range = range(8)) -> None:
    """Three key frames at a time."""
    for some in np.array_split(np.asarray(frames, dtype=np.int64), range(3, len(frames), 3)):
        mine = [[d for d in found if d[0] == frame] for frame in some]
        rows = torch.tensor([row for rows in mine for row in rows], dtype=torch.float64).reshape(-1, 7)
        metric.update(some, np.array([*map(len, mine)], dtype=np.int64), rows[:, 1:5], rows[:, 6], rows[:, 5].long())


@pytest.mark.parametrize("cap", [50, 4])
@pytest.mark.parametrize("seed", range(8))
def test_equals_loops(seed: int, cap: int) -> None:
    truth, found = world(seed, scores=10)  # many ties, also at the cap
    metric = metric_of(truth, cap)
    report(metric, found)
    assert metric.compute()["mAP@0.5"] == pytest.approx(slow_mean(truth, found, cap), abs=1e-9)
    assert metric.missing == [8]


def test_a_box_is_judged_by_its_best_truth_even_if_taken() -> None:
    truth = [(0, 0.0, 0.0, 1.0, 1.0, 1, 1.0), (0, 0.0, 0.0, 0.6, 1.0, 1, 1.0)]
    found = [(0, 0.0, 0.0, 1.0, 1.0, 1, 0.9), (0, 0.0, 0.0, 0.9, 1.0, 1, 0.8)]  # 0.9 of the first, 0.67 of the second
    metric = metric_of(truth)
    report(metric, found)
    assert metric.compute()["mAP@0.5"] == pytest.approx(50)


def test_a_detection_on_an_empty_frame_is_false() -> None:
    truth, right = [(0, 0.0, 0.0, 1.0, 1.0, 1, 1.0)], (0, 0.0, 0.0, 1.0, 1.0, 1, 0.5)
    alone, beside = metric_of(truth), metric_of(truth)
    report(alone, [right])
    report(beside, [right, (5, 0.0, 0.0, 1.0, 1.0, 1, 0.9)])
    assert alone.compute()["mAP@0.5"] == pytest.approx(100)
    assert beside.compute()["mAP@0.5"] == pytest.approx(50)


def test_the_51st_detection_of_a_frame_does_not_count() -> None:
    truth = [(0, 0.0, 0.0, 1.0, 1.0, 1, 1.0)]
    others = [(0, 0.0, 0.0, 0.1, 0.1, 3, 0.9)] * 50
    capped, open_ended = metric_of(truth), metric_of(truth, cap=0)
    for metric in (capped, open_ended):
        report(metric, [*others, (0, 0.0, 0.0, 1.0, 1.0, 1, 0.5)])
    assert capped.per_class()[1] == 0
    assert open_ended.per_class()[1] == 1


def test_classes_that_are_not_scored_take_no_place_under_the_cap() -> None:
    truth = [(0, 0.0, 0.0, 1.0, 1.0, 1, 1.0)]
    metric = metric_of(truth)
    report(metric, [(0, 0.0, 0.0, 0.1, 0.1, 7, 0.9)] * 60 + [(0, 0.0, 0.0, 1.0, 1.0, 1, 0.5)])
    assert metric.compute()["mAP@0.5"] == pytest.approx(100)
    assert np.isnan(metric.per_class()[80])  # it has no true box and does not enter the mean


def test_repeats_count_once_and_mistakes_are_sentences() -> None:
    truth, found = world(1)
    once, twice = metric_of(truth), metric_of(truth)
    for metric in (once, twice, twice):
        report(metric, found)
    assert once.compute() == twice.compute()
    report(empty := metric_of(truth), [], range(0))
    with pytest.raises(UserError, match="No key frame was reported"):
        empty.per_class()
    once.update(np.array([8]), np.array([1]), torch.zeros(1, 4), torch.tensor([float("inf")]), torch.tensor([1]))
    with pytest.raises(UserError, match="not a finite number"):
        once.compute()


@pytest.mark.parametrize("seed", range(4))
def test_variants_parts_and_bounds(seed: int) -> None:
    truth, found = world(seed, scores=100_000)
    boxes = metric_of(truth).truth
    copy = FrameDetection(boxes, cap=0, empty_frames=False, parts={"first": np.arange(3), "rest": np.arange(3, 9)})
    report(copy, found)
    occupied = {t[0] for t in truth if t[5] in CLASSES}
    counted = [d for d in found if d[0] in occupied]
    result = copy.compute()
    assert result["mAP@0.5"] == pytest.approx(slow_mean(truth, counted, cap=10**9), abs=1e-9)
    for name, frames in (("first", range(3)), ("rest", range(3, 9))):
        mine = [[d for d in rows if d[0] in frames] for rows in (truth, counted)]
        assert result[f"{name}/mAP@0.5"] == pytest.approx(slow_mean(*mine, cap=10**9), abs=1e-9)
    assert result["mAP@0.5"] == result["mAP@0.5/low"] == result["mAP@0.5/high"]  # frame 8 has no true box


def test_what_missing_key_frames_could_do_is_in_the_bounds() -> None:
    truth, found = world(2, scores=100_000)
    metric = metric_of(truth)
    report(metric, found, range(4))
    result = metric.compute()
    seen = [d for d in found if d[0] < 4]
    assert metric.missing == [4, 5, 6, 7, 8]
    assert result["mAP@0.5"] == pytest.approx(slow_mean([t for t in truth if t[0] < 4], seen), abs=1e-9)
    assert result["mAP@0.5/low"] == pytest.approx(slow_mean(truth, seen), abs=1e-9)
    best = slow_mean(truth, seen, won=(4, 5, 6, 7, 8))
    assert result["mAP@0.5/high"] == pytest.approx(best, abs=1e-9)
    assert result["mAP@0.5/low"] < result["mAP@0.5"] < result["mAP@0.5/high"]

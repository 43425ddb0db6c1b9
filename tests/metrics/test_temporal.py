"""Temporal localisation against loops written from the official definitions."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.temporal import ACTIVITYNET, THUMOS14, TemporalDetection, TrueSegments

Detection = tuple[int, float, float, float, int]  # video, start, end, score, label


def slow_overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    common = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    union = (a[1] - a[0]) + (b[1] - b[0]) - common
    return common / union if union else 0.0


def slow_interpolated(flags: list[bool], positives: int) -> float:
    points, right = [(0.0, 0.0)], 0
    for place, flag in enumerate(flags, 1):
        right += flag
        points.append((right / positives, right / place))
    points.append((1.0, 0.0))
    area = 0.0
    for i in range(1, len(points)):
        best = max(precision for _, precision in points[i:])
        area += (points[i][0] - points[i - 1][0]) * best
    return area


def slow_activitynet(truth: list[Detection], found: list[Detection], threshold: float) -> float:
    """eval_detection.py by loops."""
    values = []
    for label in sorted({t[4] for t in truth if t[4] >= 0}):
        true = [t for t in truth if t[4] == label]
        mine = [d for d in found if d[4] == label]
        ranked = sorted(range(len(mine)), key=lambda i: (mine[i][3], i), reverse=True)
        taken: set[int] = set()
        flags = []
        for i in ranked:
            overlaps = [(slow_overlap(mine[i][1:3], t[1:3]), j) for j, t in enumerate(true) if t[0] == mine[i][0]]
            choice = next(
                (j for share, j in sorted(overlaps, reverse=True) if share >= threshold and j not in taken), None
            )
            flags.append(choice is not None)
            taken |= {choice} if choice is not None else set()
        values.append(slow_interpolated(flags, len(true)))
    return 100 * sum(values) / len(values)


def slow_thumos(truth: list[Detection], found: list[Detection], threshold: float, rule: str) -> float:
    """TH14evaldet.m and TH14eventdetpr.m by loops."""
    values = []
    for label in sorted({t[4] for t in truth if t[4] >= 0}):
        scored: list[tuple[float, int, bool]] = []
        for video in sorted({d[0] for d in found}):
            mine = [(i, d) for i, d in enumerate(found) if d[0] == video and d[4] == label]
            mine.sort(key=lambda pair: (pair[1][3], pair[0]), reverse=True)
            free = [True] * len(mine)
            for t in (t for t in truth if t[0] == video and t[4] == label):
                shares = [slow_overlap(t[1:3], d[1:3]) if free[n] else -1.0 for n, (_, d) in enumerate(mine)]
                if shares and max(shares) > threshold:
                    free[shares.index(max(shares))] = False
            unclear = [t for t in truth if t[0] == video and t[4] < 0]
            for n, (i, d) in enumerate(mine):
                if not free[n] or not any(slow_overlap(t[1:3], d[1:3]) > 0 for t in unclear):
                    scored.append((d[3], i, not free[n]))
        flags = [flag for _, _, flag in sorted(scored, reverse=True)]
        positives = sum(t[4] == label for t in truth)
        precision = [sum(flags[: n + 1]) / (n + 1) for n in range(len(flags))]
        recall = [sum(flags[: n + 1]) / positives for n in range(len(flags))]
        if rule == "at_hits":
            values.append(sum(p for p, flag in zip(precision, flags, strict=True) if flag) / positives)
        else:
            best = [
                max((p for p, r in zip(precision, recall, strict=True) if r >= x / 10), default=0.0) for x in range(11)
            ]
            values.append(sum(best) / 11)
    return 100 * sum(values) / len(values)


def world(seed: int) -> tuple[list[Detection], list[Detection]]:
    """A small crowded split: ties in score and overlap, segments of no length, ambiguous ones, a class never found."""
    random = np.random.default_rng(seed)
    truth = []
    for video in range(5):
        for _ in range(int(random.integers(0, 6))):
            start = float(random.integers(0, 20)) / 2
            label = -1 if random.random() < 0.15 else int(random.integers(0, 3))
            truth.append((video, start, start + float(random.integers(0, 8)) / 2, 1.0, label))
    truth += [(0, 0.0, 3.0, 1.0, 0), (1, 1.0, 2.0, 1.0, 7)]
    found = []
    for _ in range(60):
        start = float(random.integers(0, 20)) / 2
        end = start + float(random.integers(0, 8)) / 2
        found.append(
            (int(random.integers(0, 6)), start, end, float(random.integers(0, 10)) / 10, int(random.integers(0, 5)))
        )
    return truth, found


def truth_of(truth: list[Detection], videos: int = 6) -> TrueSegments:
    rows = np.asarray(truth, dtype=np.float64)
    return TrueSegments(rows[:, 0].astype(np.int64), rows[:, 1:3], rows[:, 4].astype(np.int64), videos)


def report(metric: TemporalDetection, found: list[Detection], videos: range = range(6)) -> None:
    for video in videos:
        mine = [d for d in found if d[0] == video]
        table = torch.tensor(mine, dtype=torch.float64).reshape(-1, 5)
        metric.update(video, table[:, 1:3], table[:, 3], table[:, 4].long())


def by_video(found: list[Detection]) -> list[Detection]:
    """In the order in which `report` hands them over, on which ties depend."""
    return sorted(found, key=lambda d: d[0])


@pytest.mark.parametrize("seed", range(8))
def test_equals_activitynet_by_loops(seed: int) -> None:
    truth, found = world(seed)
    metric = TemporalDetection(truth_of(truth))
    report(metric, found)
    got = metric.compute()
    want = [slow_activitynet(truth, by_video(found), threshold) for threshold in ACTIVITYNET]
    assert [got[f"mAP@{threshold:g}"] for threshold in ACTIVITYNET] == pytest.approx(want, abs=1e-9)
    assert got["avg_mAP"] == pytest.approx(sum(want) / len(want), abs=1e-9)


@pytest.mark.parametrize("rule", ["at_hits", "eleven_point"])
@pytest.mark.parametrize("seed", range(6))
def test_equals_thumos_by_loops(seed: int, rule) -> None:  # type: ignore[no-untyped-def]
    truth, found = world(seed)
    metric = TemporalDetection(truth_of(truth), THUMOS14, "thumos14", rule)
    report(metric, found)
    got = metric.compute()
    want = [slow_thumos(truth, by_video(found), threshold, rule) for threshold in THUMOS14]
    assert [got[f"mAP@{threshold:g}"] for threshold in THUMOS14] == pytest.approx(want, abs=1e-9)


def test_a_case_by_hand() -> None:
    truth = [(0, 0.0, 10.0, 1.0, 0), (0, 20.0, 30.0, 1.0, 0)]
    found = [(0, 0.0, 10.0, 0.9, 0), (0, 0.0, 9.0, 0.8, 0), (0, 21.0, 30.0, 0.7, 0)]
    metric = TemporalDetection(truth_of(truth, 1), (0.5, 0.95))
    report(metric, found, range(1))
    got = metric.compute()
    assert got["mAP@0.5"] == pytest.approx(100 * (0.5 + 0.5 * 2 / 3))  # hit, double, hit
    assert got["mAP@0.95"] == pytest.approx(50)  # 0.9 overlap is too little


def test_the_two_official_rules_differ_at_the_threshold_and_beside_ambiguous_ones() -> None:
    truth = [(0, 0.0, 10.0, 1.0, 0), (0, 50.0, 60.0, 1.0, -1)]
    found = [(0, 55.0, 70.0, 0.9, 0), (0, 0.0, 5.0, 0.8, 0)]  # false beside the ambiguous one; exactly half right
    results = {}
    for evaluator in ("activitynet", "thumos14"):
        metric = TemporalDetection(truth_of(truth, 1), (0.3, 0.5), evaluator)  # type: ignore[arg-type]
        report(metric, found, range(1))
        results[evaluator] = metric.compute()
    assert (results["activitynet"]["mAP@0.3"], results["activitynet"]["mAP@0.5"]) == (50, 50)
    assert (results["thumos14"]["mAP@0.3"], results["thumos14"]["mAP@0.5"]) == (100, 0)


def test_repeats_count_once_and_silent_videos_are_missing() -> None:
    truth, found = world(3)
    once, twice = TemporalDetection(truth_of(truth, 8)), TemporalDetection(truth_of(truth, 8))
    report(once, found)
    report(twice, found)
    report(twice, found)
    assert once.compute() == twice.compute()
    assert once.missing == [6, 7]


def test_missing_videos_bound_the_figure() -> None:
    truth, found = world(5)
    metric = TemporalDetection(truth_of(truth))
    report(metric, [d for d in found if d[0] != 1], range(2, 6))  # 0 and 1 are never reported
    got = metric.compute()
    rest = [d for d in found if d[0] > 1]
    perfect = [(*t[:3], 2.0, t[4]) for t in truth if t[0] < 2 and t[2] > t[1]]  # nothing hits one of no length
    low, high = (
        np.mean([slow_activitynet(truth, by_video(each), threshold) for threshold in ACTIVITYNET])
        for each in (rest, perfect + rest)
    )
    assert got["avg_mAP"] == got["avg_mAP/low"] == pytest.approx(low, abs=1e-9)
    assert got["avg_mAP/high"] == pytest.approx(high, abs=1e-9)
    assert low < high


def test_blocked_videos_leave_both_sides() -> None:
    truth, found = world(4)
    metric = TemporalDetection(truth_of(truth), blocked=frozenset({2}))
    report(metric, found)
    left = [t for t in truth if t[0] != 2]
    want = slow_activitynet(left, by_video([d for d in found if d[0] != 2]), 0.5)
    assert metric.compute()["mAP@0.5"] == pytest.approx(want, abs=1e-9)


def test_nothing_and_not_a_number_are_sentences() -> None:
    truth, _ = world(0)
    metric = TemporalDetection(truth_of(truth))
    with pytest.raises(UserError, match="No test video was reported"):
        metric.compute()
    metric.update(0, torch.tensor([[0.0, 1.0]]), torch.tensor([float("nan")]), torch.tensor([0]))
    with pytest.raises(UserError, match="not a finite number"):
        metric.compute()

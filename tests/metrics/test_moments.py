"""Recall of moments, and their average precision, against slow versions of Ego4D's evaluators."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.moments import OVERLAPS, TIMES, MomentRecall
from internvideo_pl.metrics.temporal import TemporalDetection, TrueSegments

Rows = list[tuple[int, float, float, int, float]]  # clip, start, end, label, score


def recall(truth: Rows, found: Rows) -> dict[str, float]:
    """get_retrieval_performance.py: clip by clip, label by label, true moment by true moment."""
    hits: dict[str, list[bool]] = {f"Recall@{k}x tIoU={t}": [] for k in TIMES for t in OVERLAPS}
    for clip in sorted({row[0] for row in truth}):
        for label in sorted({row[3] for row in truth if row[0] == clip}):
            true = [row[1:3] for row in truth if row[0] == clip and row[3] == label]
            mine = [row for row in found if row[0] == clip and row[3] == label]  # already sorted by score
            for k in TIMES:
                for least in OVERLAPS:
                    for start, end in true:
                        shares = []
                        for _, first, last, *_ in mine[: k * len(true)]:
                            both = max(0.0, min(last, end) - max(first, start))
                            whole = max(0.0, max(last, end) - min(first, start))
                            shares.append(both / whole if whole else float("nan"))
                        hits[f"Recall@{k}x tIoU={least}"].append(any(share > least for share in shares))
    return {name: 100 * float(np.mean(each)) for name, each in hits.items()}


def precision(truth: Rows, found: Rows, least: float) -> float:
    """eval_detection.py: mean over the labels of the interpolated average precision."""
    each = []
    for label in sorted({row[3] for row in truth}):
        true = [row for row in truth if row[3] == label]
        taken, hits = set[int](), []
        for clip, first, last, _, _ in [row for row in found if row[3] == label]:
            shares = []
            for number, (where, start, end, *_) in enumerate(true):
                if where == clip:
                    both = max(0.0, min(last, end) - max(first, start))
                    shares.append((both / ((end - start) + (last - first) - both), number))
            best = [number for share, number in sorted(shares, reverse=True) if share >= least and number not in taken]
            hits.append(bool(best))
            taken |= set(best[:1])
        correct = np.cumsum(hits) if hits else np.zeros(0)
        curve = np.r_[0, correct / np.arange(1, len(hits) + 1), 0]
        reached = np.r_[0, correct / len(true), 1]
        for place in range(len(curve) - 2, -1, -1):
            curve[place] = max(curve[place], curve[place + 1])
        steps = np.flatnonzero(reached[1:] != reached[:-1]) + 1
        each.append(float(((reached[steps] - reached[steps - 1]) * curve[steps]).sum()))
    return 100 * float(np.mean(each))


def arrays(truth: Rows, clips: int) -> TrueSegments:
    table = np.array(truth)
    return TrueSegments(table[:, 0].astype(np.int64), table[:, 1:3], table[:, 3].astype(np.int64), clips)


def report(metric: TemporalDetection, found: Rows, clips: list[int]) -> None:
    for clip in clips:
        mine = [row for row in found if row[0] == clip]
        segment = torch.tensor([row[1:3] for row in mine], dtype=torch.float64).reshape(-1, 2)
        score = torch.tensor([row[4] for row in mine], dtype=torch.float64)
        metric.update(clip, segment, score, torch.tensor([row[3] for row in mine], dtype=torch.int64))


def random_rows(rng: np.random.Generator, count: int, clips: int) -> Rows:
    edges = np.sort(np.round(rng.uniform(0, 12, (count, 2))), axis=1)  # whole seconds: ties at the thresholds
    edges[:, 1] += edges[:, 0] == edges[:, 1]
    scores = rng.permutation(count) / count  # without ties, of which the evaluators keep no order
    return [
        (int(rng.integers(clips)), float(a), float(b), int(rng.integers(3)), float(s))
        for (a, b), s in zip(edges, scores, strict=True)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_official_loops(seed):
    rng = np.random.default_rng(seed)
    clips = 6
    truth = random_rows(rng, 25, clips)
    truth += truth[:4]  # what two annotators say alike stays
    found = sorted(random_rows(rng, 120, clips), key=lambda row: -row[4])
    metric = MomentRecall(arrays(truth, clips))
    report(metric, found, [*range(clips), 0, 3])  # two clips twice
    assert metric.compute() == pytest.approx(recall(truth, found), abs=1e-9)
    assert sorted(zip(metric.found[3].tolist(), metric.found[1].tolist(), strict=True)) == sorted(
        (row[0], row[4]) for row in found
    )
    average = TemporalDetection(arrays(truth, clips), (0.1, 0.2, 0.3, 0.4, 0.5))
    report(average, found, list(range(clips)))
    each = {f"mAP@{least:g}": precision(truth, found, least) for least in (0.1, 0.2, 0.3, 0.4, 0.5)}
    assert average.compute() == pytest.approx({"avg_mAP": np.mean(list(each.values())), **each}, abs=1e-9)


def test_missing_clips_give_bounds_and_none_is_an_error():
    truth: Rows = [(0, 0.0, 4.0, 1, 0), (1, 2.0, 5.0, 0, 0)]
    metric = MomentRecall(arrays(truth, 2))
    report(metric, [(0, 0.0, 4.0, 1, 0.5)], [0])
    found = metric.compute()
    name = "Recall@1x tIoU=0.5"
    assert (found[name], found[f"{name}/low"], found[f"{name}/high"]) == (50, 50, 100)
    assert metric.missing == [1]
    with pytest.raises(UserError, match="No test video"):
        MomentRecall(arrays(truth, 2)).compute()


def test_a_clip_without_a_detection_is_reported_too():
    metric = MomentRecall(arrays([(0, 0.0, 4.0, 1, 0)], 1))
    report(metric, [], [0])
    assert metric.compute()["Recall@5x tIoU=0.3"] == 0
    assert metric.missing == []

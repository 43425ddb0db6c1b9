"""Top-5 mAP of short-term anticipation against loops written from the official evaluator."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.anticipation import COLUMNS, ShortTermAnticipation, TrueObjects

Thing = tuple[int, tuple[float, ...], int, int, float, float]  # image, box, noun, verb, seconds, score
IMAGES = 6


def slow_overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    common = max(wide, 0) * max(high, 0)
    sizes = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return common / (sum(sizes) - common + 1e-11)


def right(column: str, found: Thing, true: Thing) -> bool:
    fits = slow_overlap(found[1], true[1]) > 0.5 and found[2] == true[2]
    if column in ("noun_verb", "overall"):
        fits = fits and found[3] == true[3]
    if column in ("noun_ttc", "overall"):
        fits = fits and abs(found[4] - true[4]) <= 0.25
    return fits


def slow(truth: list[Thing], found: list[Thing], column: str, top_k: int = 5, quirk: bool = True) -> float:
    results, nouns = [], []
    for image in range(IMAGES):
        true = [t for t in truth if t[0] == image]
        mine = [f for f in found if f[0] == image]
        if mine or not quirk:
            nouns += [t[2] for t in true]
        left, taken = (top_k - 1) * len(true), set()
        for i in sorted(range(len(mine)), key=lambda i: (mine[i][5], i), reverse=True):
            shares = [
                slow_overlap(mine[i][1], t[1]) if j not in taken and right(column, mine[i], t) else -1
                for j, t in enumerate(true)
            ]
            best = max(range(len(true)), key=lambda j: (shares[j], -j), default=None)
            if best is not None and shares[best] > 0:
                taken.add(best)
                results.append((mine[i][5], mine[i][2], True))
            elif left > 0:
                left -= 1
            else:
                results.append((mine[i][5], mine[i][2], False))
    values = []
    for noun in sorted(set(nouns)):
        flags = [hit for _, which, hit in sorted(results, key=lambda r: -r[0]) if which == noun]
        total, area = nouns.count(noun), 0.0
        precisions = [sum(flags[: i + 1]) / (i + 1) for i in range(len(flags))]
        for i, hit in enumerate(flags):
            area += max(precisions[i:]) / total if hit else 0.0
        values.append(area)
    return 100 * sum(values) / len(values)


def world(seed: int) -> tuple[list[Thing], list[Thing]]:
    """Boxes on a grid, so that overlaps tie; one image without predictions, one without true objects."""
    rng = np.random.default_rng(seed)

    def thing(image: int, score: float) -> Thing:
        x, y = rng.integers(0, 4, 2) * 5.0
        box = (float(x), float(y), float(x + rng.integers(1, 4) * 10), float(y + rng.integers(1, 4) * 10))
        return image, box, int(rng.integers(3)), int(rng.integers(2)), float(rng.integers(1, 5) / 4), score

    truth = [thing(int(rng.integers(0, IMAGES - 1)), 1.0) for _ in range(12)]
    scores = rng.permutation(150) / 150
    found = [thing(int(image), float(score)) for image, score in zip(rng.integers(1, IMAGES, 150), scores, strict=True)]
    return truth, found


def metric_of(truth: list[Thing], top_k: int = 5) -> ShortTermAnticipation:
    return ShortTermAnticipation(
        TrueObjects(
            np.array([t[0] for t in truth], dtype=np.int64),
            np.array([t[1] for t in truth], dtype=np.float64),
            np.array([t[2] for t in truth], dtype=np.int64),
            np.array([t[3] for t in truth], dtype=np.int64),
            np.array([t[4] for t in truth], dtype=np.float64),
            IMAGES,
        ),
        top_k,
    )


def report(metric: ShortTermAnticipation, found: list[Thing], images: range = range(IMAGES)) -> None:
    for image in images:
        mine = [f for f in found if f[0] == image]
        box = torch.tensor([f[1] for f in mine], dtype=torch.float64).reshape(-1, 4)
        noun, verb = (torch.tensor([f[k] for f in mine], dtype=torch.int64) for k in (2, 3))
        ttc, score = (torch.tensor([f[k] for f in mine], dtype=torch.float64) for k in (4, 5))
        metric.update(image, box, score, noun, verb, ttc)


@pytest.mark.parametrize("top_k", [5, 2, 1])
@pytest.mark.parametrize("seed", range(6))
def test_equals_loops(seed: int, top_k: int) -> None:
    truth, found = world(seed)
    metric = metric_of(truth, top_k)
    report(metric, found)
    result = metric.compute()
    for column in COLUMNS:
        wanted = slow(truth, found, column, top_k)
        assert result[f"{column}_top{top_k}_mAP"] == pytest.approx(wanted, abs=1e-9)
        whole = slow(truth, found, column, top_k, quirk=False)
        assert result[f"all/{column}_top{top_k}_mAP"] == pytest.approx(whole, abs=1e-9)


BOX = (0.0, 0.0, 9.0, 9.0)


def test_four_false_predictions_an_object_are_forgiven() -> None:
    truth = [(0, BOX, 1, 1, 0.5, 1.0)]
    wrong = [(0, (100.0, 100.0, 109.0, 109.0), 1, 1, 0.5, 0.9 - i / 100) for i in range(4)]
    good = (0, BOX, 1, 1, 0.5, 0.1)
    for extra, value in (([], 100), ([(0, (50.0, 50.0, 60.0, 60.0), 1, 1, 0.5, 0.5)], 50)):
        metric = metric_of(truth)
        report(metric, [*wrong, *extra, good], range(1))
        assert metric.compute()["overall_top5_mAP"] == pytest.approx(value)
    assert metric.missing == [1, 2, 3, 4, 5]


def test_both_end_pixels_belong_to_a_box_and_a_half_is_not_enough() -> None:
    truth = [(0, BOX, 1, 1, 0.5, 1.0)]
    for right_side, value in ((4.0, 0), (5.0, 100)):  # 5 of 10 columns; 6 of 10
        metric = metric_of(truth)
        report(metric, [(0, (0.0, 0.0, right_side, 9.0), 1, 1, 0.75, 0.9)], range(1))
        assert metric.compute()["overall_top5_mAP"] == pytest.approx(value)


def test_the_evaluator_forgets_images_without_a_prediction() -> None:
    truth = [(0, BOX, 1, 1, 0.5, 1.0), (1, BOX, 1, 1, 0.5, 1.0), (1, BOX, 2, 1, 0.5, 1.0)]
    metric = metric_of(truth)
    report(metric, [(0, BOX, 1, 1, 0.5, 0.9)], range(2))
    result = metric.compute()
    assert result["noun_top5_mAP"] == pytest.approx(100)
    assert result["all/noun_top5_mAP"] == pytest.approx(25)  # half of noun 1, nothing of noun 2


def test_repeats_count_once_and_nothing_at_all_is_refused() -> None:
    truth, found = world(0)
    once, twice = metric_of(truth), metric_of(truth)
    for metric in (once, twice, twice):
        report(metric, found)
    assert once.compute() == twice.compute()
    with pytest.raises(UserError, match="No image was reported"):
        metric_of(truth).compute()

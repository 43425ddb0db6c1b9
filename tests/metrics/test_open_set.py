"""Open-set figures against slow versions from the definitions: pairs, points of curves, draws of unknown classes."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.curves import area_under_precision_recall, area_under_roc, false_positives_at
from internvideo_pl.metrics.open_set import CALIBRATION, KNOWN, SCORES, UNKNOWN, OpenSet, threshold_of
from internvideo_pl.metrics.openness import open_macro_f1


def cases():
    rng = np.random.default_rng(0)
    for count, levels in ((2, 2), (7, 3), (40, 5), (60, 1000), (200, 1)):
        for _ in range(8):
            positive = rng.random(count) < rng.uniform(0.1, 0.9)
            positive[:2] = [True, False]
            yield rng.integers(0, levels, count) / 7.0 - 3.0, positive


def slow_roc_points(score, positive):
    points = [(0.0, 0.0)]
    for limit in sorted(set(score), reverse=True):
        taken = score >= limit
        points.append(((taken & ~positive).sum() / (~positive).sum(), (taken & positive).sum() / positive.sum()))
    return points


def slow_fpr(score, positive, rate):
    points = slow_roc_points(score, positive)
    steps = points[1:]
    kept = []
    for i, point in enumerate(steps):
        if 0 < i < len(steps) - 1:
            moves = [np.subtract(steps[i], steps[i - 1]), np.subtract(steps[i + 1], steps[i])]
            if np.allclose(*moves, atol=1e-12):  # evenly spaced on a straight line
                continue
        kept.append(point)
    return min([points[0], *kept], key=lambda point: abs(point[1] - rate))[0]


def slow_aupr(score, positive):
    area, before = 0.0, (0.0, 1.0)
    for limit in sorted(set(score), reverse=True):
        taken = score >= limit
        point = ((taken & positive).sum() / positive.sum(), (taken & positive).sum() / taken.sum())
        area += (point[0] - before[0]) * (point[1] + before[1]) / 2
        before = point
    return area


def test_areas_equal_their_definitions_with_ties():
    for score, positive in cases():
        pairs = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
        assert area_under_roc(score, positive) == pytest.approx(np.mean(pairs), abs=1e-9)
        assert area_under_precision_recall(score, positive) == pytest.approx(slow_aupr(score, positive), abs=1e-9)
        assert false_positives_at(score, positive, 0.95) == pytest.approx(slow_fpr(score, positive, 0.95), abs=1e-9)


def slow_f1(answers, labels):
    scores = []
    for label in set(answers) | set(labels):
        right = sum(a == b == label for a, b in zip(answers, labels, strict=True))
        total = sum(a == label for a in answers) + sum(b == label for b in labels)
        scores.append(2 * right / total)
    return sum(scores) / len(scores)


@pytest.mark.parametrize(("known", "unknown", "seed"), [(3, 4, 0), (5, 2, 1), (2, 6, 2)])
def test_open_macro_f1_equals_the_loop_over_draws(known, unknown, seed):
    rng = np.random.default_rng(seed)
    label, kind = rng.integers(0, known - (seed == 1), 30), rng.integers(0, unknown, 25)
    answer, strange = rng.integers(0, known + 1, 30), rng.integers(0, known + 1, 25)
    random, total, weights = np.random.RandomState(123), 0.0, 0.0
    for number in range(1, unknown + 1):
        values = []
        for _ in range(10):
            chosen = random.choice(unknown, number, replace=False)
            picked = [int(a) for a, c in zip(strange, kind, strict=True) if c in chosen]
            values.append(slow_f1([*answer.tolist(), *picked], [*label.tolist(), *[known] * len(picked)]))
        weight = 1 - (2 * known / (2 * known + number)) ** 0.5
        total, weights = total + weight * np.mean(values), weights + weight
    assert open_macro_f1(answer, label, strange, kind, known, unknown) == pytest.approx(total / weights, abs=1e-9)


def filled(seed=0, known=20, unknown=15, training=40, views=2, classes=4, **options) -> tuple[OpenSet, dict]:
    rng = np.random.default_rng(seed)
    metric, kept = OpenSet(classes, 3, **options), {}
    for part, count in ((KNOWN, known), (UNKNOWN, unknown), (CALIBRATION, training)):
        logits = rng.normal(0, 3 - part, (count, views, classes)).astype(np.float32)
        label = rng.integers(0, 3, count)
        kept[part] = logits.astype(np.float64).mean(1), label
        for number in rng.permutation(count):
            for view in (*range(views), 0):  # a padded repeat
                metric.update(
                    torch.from_numpy(logits[number, view][None]),
                    torch.tensor([label[number]]),
                    part,
                    torch.tensor([int(number)]),
                    torch.tensor([view]),
                )
    return metric, kept


def test_all_figures_from_logits_averaged_over_views():
    metric, kept = filled()
    found = metric.compute()

    def strangeness(part):
        alpha = np.exp(np.clip(kept[part][0], -10, 10)) + 1
        return 4 / alpha.sum(1)

    known, unknown, training = (strangeness(part) for part in (KNOWN, UNKNOWN, CALIBRATION))
    pairs = [(u > k) + 0.5 * (u == k) for u in unknown for k in known]
    assert found["AUROC"] == pytest.approx(100 * np.mean(pairs), abs=1e-9)
    assert found["closed/top1"] == pytest.approx(100 * (kept[KNOWN][0].argmax(1) == kept[KNOWN][1]).mean(), abs=1e-9)
    for prefix, ordered in (("thresholded", sorted(training)[::-1]), ("release_threshold", sorted(training))):
        limit = ordered[len(ordered) - int(0.95 * len(ordered)) - 1]
        balanced = ((unknown > limit).mean() + (known <= limit).mean()) / 2  # what one threshold's area amounts to
        assert found[f"{prefix}/AUROC"] == pytest.approx(100 * balanced, abs=1e-9)
    assert found["thresholded/AUROC"] != pytest.approx(found["AUROC"], abs=0.1)
    shifted = kept[KNOWN][0], kept[UNKNOWN][0]
    softmax = [1 - (np.exp(x) / np.exp(x).sum(1, keepdims=True)).max(1) for x in shifted]
    energies = [-np.log(np.exp(x).sum(1)) for x in shifted]
    for name, (one, two) in (("max_probability", softmax), ("energy", energies)):
        pairs = [(u > k) + 0.5 * (u == k) for u in two for k in one]
        assert found[f"{name}/AUROC"] == pytest.approx(100 * np.mean(pairs), abs=1e-6)
    assert 0 < found["open_macro_F1"] < 100
    assert found["AUROC/low"] == found["AUROC"] == found["AUROC/high"]


def test_missing_videos_widen_the_bounds():
    found = filled(missing=(5, 0))[0].compute()
    assert found["AUROC/low"] == pytest.approx(found["AUROC"] * 20 / 25, abs=1e-9)
    assert found["AUROC/high"] == pytest.approx(found["AUROC"] * 20 / 25 + 20, abs=1e-9)


def test_a_twentieth_of_training_videos_exceeds_the_threshold():
    scores = np.random.default_rng(0).permutation(1000) / 1000
    assert (scores > threshold_of(scores)).mean() == pytest.approx(0.05, abs=2e-3)
    assert (scores > threshold_of(scores, ascending=True)).mean() == pytest.approx(0.95, abs=2e-3)


def test_one_kind_of_video_alone_is_refused():
    with pytest.raises(UserError, match="known and of unknown"):
        filled(unknown=0)[0].compute()
    with pytest.raises(UserError, match="No test video"):
        OpenSet(3, 2).compute()


def test_scores_that_are_not_finite_are_refused():
    metric = OpenSet(2, 1)
    one = torch.tensor([0])
    metric.update(torch.tensor([[float("nan"), 0.0]]), one, KNOWN, one, one)
    with pytest.raises(UserError, match="not finite"):
        metric.compute()


def test_without_training_videos_there_is_no_threshold():
    found = filled(training=0)[0].compute()
    assert "open_macro_F1" not in found
    assert set(SCORES) == {"vacuity", "max_probability", "energy"}

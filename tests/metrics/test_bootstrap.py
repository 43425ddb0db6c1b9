"""The bootstrap against what is known in closed form, and against resampling written out."""

import math

import numpy as np
import pytest
import torch

from internvideo_pl.metrics.answers import Answers
from internvideo_pl.metrics.bootstrap import SEED, bootstrap_figures, bootstrap_mean, bootstrap_ratio, wilson
from internvideo_pl.metrics.choices import Choices
from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.retrieval import Retrieval


def test_it_is_the_normal_interval_where_that_holds():
    hits = torch.tensor([100.0] * 600 + [0.0] * 400)
    low, high = bootstrap_mean(hits)
    half = 1.96 * 100 * math.sqrt(0.6 * 0.4 / 1000)
    assert low == pytest.approx(60 - half, abs=0.3)
    assert high == pytest.approx(60 + half, abs=0.3)
    assert bootstrap_mean(hits) == (low, high)


def test_captions_of_one_video_stay_together():
    values, video = torch.rand(30, dtype=torch.float64), torch.arange(30) % 7
    drawn = np.random.default_rng(SEED).integers(7, size=(500, 7))
    slow = [torch.cat([values[video == i] for i in draw]).mean().item() for draw in drawn]
    assert bootstrap_mean(values, video, resamples=500) == pytest.approx(np.quantile(slow, [0.025, 0.975]))


def test_copies_of_a_video_are_no_new_videos():
    values = torch.rand(40, dtype=torch.float64)
    four = bootstrap_mean(values.repeat(4), torch.arange(40).repeat(4))
    assert four == pytest.approx(bootstrap_mean(values))


@pytest.mark.parametrize("values", [[], [1.0]])
def test_one_video_says_nothing(values):
    assert bootstrap_mean(torch.tensor(values)) is None


def test_all_alike_is_a_point():
    assert bootstrap_mean(torch.full((9,), 100.0)) == (100.0, 100.0)


def test_all_right_and_all_wrong_are_wilsons():
    """The ends solve |share - p| = z sqrt(p (1 - p) / n) for p, Wilson's definition."""
    low, high = bootstrap_mean(torch.full((200,), 100.0), right=100.0)
    assert high == 100
    assert low == pytest.approx(98.115, abs=1e-3)
    assert 1 - low / 100 == pytest.approx(1.959964 * math.sqrt(low / 100 * (1 - low / 100) / 200))
    assert bootstrap_mean(torch.zeros(200), right=100.0) == pytest.approx((0.0, 100 - low))
    video = torch.arange(200) // 4  # fifty videos
    assert bootstrap_mean(torch.zeros(200), video, right=100.0) == pytest.approx((0.0, 100 * 3.84146 / 53.84146))
    one_wrong = torch.tensor([100.0] * 199 + [0.0])
    assert bootstrap_mean(one_wrong, right=100.0) == bootstrap_mean(one_wrong)
    found = bootstrap_ratio(torch.tensor([200.0, 0.0, 300.0]), torch.tensor([2.0, 0.0, 3.0]), right=100.0)
    assert found == pytest.approx(wilson(True, 2, 100.0))  # the second has nothing to be right of


def test_shares_among_an_evaluators_figures():
    found = bootstrap_figures(lambda times: {"share": 100.0, "area": 100.0}, 20, shares={"share": 20})
    assert found["share"] == pytest.approx(wilson(True, 20, 100.0))
    assert found["area"] == (100.0, 100.0)


def test_a_perfect_recognition_is_not_certain():
    metric = Recognition(num_classes=6, official=40)
    label = torch.arange(40) % 6
    metric.update(9 * torch.eye(6)[label], label, torch.arange(40))
    assert metric.compute()["top1"] == 100
    found = metric.intervals()
    for name in ("top1", "top5", "mean_class"):
        assert found[name] == pytest.approx(wilson(True, 40, 100.0))


def test_recognition_gives_intervals_confusion_and_worst():
    metric = Recognition(num_classes=6, official=5)
    logits = torch.full((4, 6), -9.0)
    for row, given, height in ((0, 0, 9.0), (1, 2, 9.0), (2, 2, 0.0), (3, 1, -7.0)):
        logits[row, given] = height
    metric.update(logits, torch.tensor([0, 1, 2, 3]), torch.tensor([4, 0, 1, 2]))
    result = metric.compute()
    low, high = metric.intervals()["top1"]
    assert low <= result["top1"] == 50.0 <= high
    assert {(int(a), int(b)) for a, b in metric.confusion().nonzero()} == {(0, 0), (1, 2), (2, 2), (3, 1)}
    assert metric.confusion().sum() == 4
    assert [(number, true, given) for number, true, given, _ in metric.worst(9)] == [(0, 1, 2), (2, 3, 1)]


def test_questions_have_intervals():
    choices = Choices(3, 40)
    label, logits = torch.arange(40) % 3, torch.eye(3)[torch.arange(40) % 2]
    choices.update(logits, label, torch.arange(40), torch.zeros(40, dtype=torch.int64))
    result = choices.compute()
    video = torch.arange(40) // 2
    low, high = choices.intervals(video)["top1"]
    assert low < result["top1"] < high
    answers = Answers(40, ["what"], [0])
    answers.update(logits, torch.where(label == 2, -1, label), torch.zeros(40, dtype=torch.int64), torch.arange(40))
    result = answers.compute()
    for name in ("acc", "acc_in_vocab"):
        low, high = answers.intervals(video)[name]
        assert low < result[name] < high


def test_retrieval_gives_an_interval_for_every_recall():
    torch.manual_seed(0)
    metric = Retrieval(8, 20)
    text = torch.randn(20, 8)
    metric.update(torch.arange(20), text + 0.8 * torch.randn(20, 8), text)
    result = metric.compute()
    assert len(metric.intervals) == 12
    for name, (low, high) in metric.intervals.items():
        assert low <= result[name] <= high

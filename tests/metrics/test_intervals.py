"""Intervals of means, shares and curves, against the same evaluator run on every drawn set of videos, written out."""

import numpy as np
import pytest
import torch

from internvideo_pl.metrics import bootstrap
from internvideo_pl.metrics.captions import Captions, caption_figures
from internvideo_pl.metrics.choices import Counts
from internvideo_pl.metrics.hands import HandForecast, displacements
from internvideo_pl.metrics.navigation import Journey, Navigation
from internvideo_pl.metrics.open_set import CALIBRATION, KNOWN, UNKNOWN, OpenSet
from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.reconstruction import Reconstruction
from internvideo_pl.metrics.spans import LanguageQueries, overlap, recalls
from tests.metrics.replicas import REPLICAS, agree, draws, ends

pytestmark = pytest.mark.usefixtures("few")


def test_open_set_draws_both_lists():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(44, 3)).round(1)).float()  # with ties
    part = torch.tensor([KNOWN] * 12 + [UNKNOWN] * 8 + [CALIBRATION] * 24)  # the last set the threshold
    label = torch.from_numpy(rng.integers(3, size=44))
    training = torch.arange(20, 44)

    def measured(rows):
        metric, rows = OpenSet(3, 3), torch.cat([rows, training])
        metric.update(logits[rows], label[rows], part[rows], torch.arange(44), torch.zeros(44, dtype=torch.int64))
        return metric, metric.compute()

    generator, slow = np.random.default_rng(bootstrap.SEED), []
    for _ in range(REPLICAS):
        rows = np.concatenate([generator.integers(12, size=12), 12 + generator.integers(8, size=8)])
        slow.append(measured(torch.from_numpy(rows))[1])
    metric, own = measured(torch.arange(20))
    got = metric.intervals()
    assert {"AUROC", "AUPR", "FPR@95", "energy/AUROC", "closed/top1"} <= got.keys()
    assert {"thresholded/AUROC", "release_threshold/AUROC", "open_macro_F1"} <= got.keys()
    agree(got, ends(slow, own))


def test_queries_of_a_video_stay_together():
    torch.manual_seed(0)
    windows, truth = torch.rand(20, 5, 2).double().sort().values, torch.rand(20, 2).double().sort().values
    metric, video = LanguageQueries(21), torch.arange(21) // 4
    metric.update(windows, truth, torch.arange(20))
    figures = metric.compute()
    shares = overlap(windows, truth[:, None])
    slow = [recalls(shares.view(5, 4, 5)[draw].flatten(0, 1)) for draw in draws(5, bootstrap.RESAMPLES)]
    got = metric.intervals(video)
    agree(got, ends(slow))
    assert all(low <= figures[name] <= high for name, (low, high) in got.items())


def test_hands():
    torch.manual_seed(0)
    points, truth = torch.rand(12, 5, 2, 2).double(), torch.rand(12, 5, 2, 2).double()
    truth[torch.rand(12, 5, 2) < 0.3] = 0.0
    metric, video = HandForecast(12), torch.arange(12) // 2
    metric.update(points, truth, torch.arange(12), torch.zeros(12, dtype=torch.int64))
    figures = metric.compute()
    assert figures == pytest.approx(displacements(points, truth))
    pairs = points.view(6, 2, 5, 2, 2), truth.view(6, 2, 5, 2, 2)
    slow = [displacements(*(part[draw].flatten(0, 1) for part in pairs)) for draw in draws(6, bootstrap.RESAMPLES)]
    for name, interval in metric.intervals(video).items():
        values = np.array([each[name] for each in slow])
        assert interval == pytest.approx(tuple(np.quantile(values - values.mean() + figures[name], [0.025, 0.975])))


def journey(path, stopped):
    return Journey(path, np.abs(path).sum(1), np.ones(len(path) - 1, dtype=bool), np.arange(1, len(path)), stopped)


def test_journeys_of_a_route_stay_together():
    rng, metric = np.random.default_rng(0), Navigation(12)
    for number in range(12):
        path = rng.normal(size=(6, 3)).cumsum(0)
        metric.update(number, journey(path, bool(number % 2)), path[:3])
    figures = metric.compute()
    rows = metric.episodes()[1].numpy()[:, 3]  # SR
    slow = [100 * rows.reshape(4, 3)[draw].mean() for draw in draws(4, bootstrap.RESAMPLES)]
    got = metric.intervals(torch.arange(12) // 3)
    assert got["SR"] == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])))
    assert all(low <= figures[name] <= high for name, (low, high) in got.items())


def test_reconstruction_counts_a_repeated_clip_once():
    torch.manual_seed(0)
    target, guess = torch.randn(8, 3, 4), torch.randn(8, 3, 4)
    metric = Reconstruction()
    metric.update(guess, target, torch.arange(8))
    once = metric.compute()
    metric.update(guess[:3], target[:3], torch.arange(3))
    assert metric.compute() == once
    slow = [
        float(100 * (1 - (guess[d] - target[d]).square().sum() / target[d].square().sum()))
        for d in map(torch.from_numpy, draws(8, bootstrap.RESAMPLES))
    ]
    assert metric.intervals["explained"] == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=1e-3)
    assert metric.intervals["mse"][0] < once["mse"] < metric.intervals["mse"][1]


def test_counts():
    counts = Counts()
    counts.update(torch.tensor([1.2, 3.0, 7.7, 2.0]), torch.tensor([1, 4, 6, 2]), torch.arange(4))
    figures = counts.compute()
    for name, (low, high) in counts.intervals(torch.tensor([0, 0, 1, 2])).items():
        assert low <= figures[name] <= high


def test_captions():
    rng = np.random.default_rng(0)
    words = ["a", "red", "ring", "up", "down"]
    references = [[" ".join(rng.choice(words, 7)) for _ in range(2)] for _ in range(9)]
    metric = Captions(9, lambda ids: " ".join(words[int(k) - 1] for k in ids if k), references)
    ids = torch.tensor([[words.index(word) + 1 for word in own[0].split()] for own in references])
    ids[::2, 3] = 1 + ids[::2, 3] % 5  # every second caption has another word in its middle
    metric.update(ids, torch.arange(9))
    figures, said = metric.compute(), metric.captions()
    slow = [caption_figures([said[k] for k in draw], [references[k] for k in draw]) for draw in draws(9)]
    assert metric.intervals["BLEU-4"] == pytest.approx(ends(slow, figures)["BLEU-4"], abs=1e-4)  # sums are float32
    many = np.random.default_rng(bootstrap.SEED).integers(9, size=(bootstrap.RESAMPLES, 9))
    rouge = np.array([caption_figures([said[k]], [references[k]])["ROUGE-L"] for k in range(9)])[many].mean(1)
    assert metric.intervals["ROUGE-L"] == pytest.approx(tuple(np.quantile(rouge, [0.025, 0.975])))
    low, high = metric.intervals["CIDEr-D"]
    assert low < figures["CIDEr-D"] < high


def test_the_mean_over_classes():
    rng = np.random.default_rng(0)
    logits, label = torch.from_numpy(rng.normal(size=(30, 4))), torch.from_numpy(rng.integers(4, size=30) ** 2 // 3)

    def measured(rows):
        metric = Recognition(4, 30)
        metric.update(logits[rows], label[rows], torch.arange(30))
        return metric, metric.compute()

    slow = [measured(torch.from_numpy(draw))[1] for draw in draws(30)]
    metric, own = measured(torch.arange(30))
    got = metric.intervals()
    assert got["mean_class"] == pytest.approx(ends(slow, own)["mean_class"], abs=1e-9)
    assert got["top1"][0] < own["top1"] < got["top1"][1]


def test_what_a_replica_leaves_undefined_has_no_interval():
    def figures(times):
        return {"always": float(times.sum()), "never": float("nan") if times[0] == 0 else 1.0}

    assert bootstrap.bootstrap_figures(figures, 4, 50) == {"always": (4.0, 4.0)}
    assert bootstrap.bootstrap_figures(figures, [4, 1], 50) == {}

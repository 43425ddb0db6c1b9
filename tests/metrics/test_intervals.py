"""Intervals of what evaluators compute, against the same evaluator run on every drawn set of videos, written out."""

from functools import partial

import numpy as np
import pytest
import torch

from internvideo_pl.metrics import anticipation, bootstrap, boxes, captions, detection, open_set, recognition, temporal
from internvideo_pl.metrics.anticipation import ShortTermAnticipation, TrueObjects
from internvideo_pl.metrics.boxes import FrameDetection
from internvideo_pl.metrics.captions import Captions, caption_figures
from internvideo_pl.metrics.choices import Counts
from internvideo_pl.metrics.detection import ObjectDetection, average_precisions
from internvideo_pl.metrics.hands import HandForecast, displacements
from internvideo_pl.metrics.moments import MomentRecall
from internvideo_pl.metrics.navigation import Journey, Navigation
from internvideo_pl.metrics.open_set import CALIBRATION, KNOWN, UNKNOWN, OpenSet
from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.reconstruction import Reconstruction
from internvideo_pl.metrics.spans import LanguageQueries, overlap, recalls
from internvideo_pl.metrics.temporal import TemporalDetection, TrueSegments

REPLICAS = 15


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few replicas, so that each can be evaluated from its start."""
    for module in (anticipation, boxes, captions, detection, open_set, recognition, temporal):
        monkeypatch.setattr(module, "bootstrap_figures", partial(bootstrap.bootstrap_figures, replicas=REPLICAS))


def draws(size: int, replicas: int = REPLICAS) -> list[np.ndarray]:
    """The videos of each replica, in the order in which they are drawn."""
    generator = np.random.default_rng(bootstrap.SEED)
    return [generator.integers(size, size=size) for _ in range(replicas)]


def ends(figures: list[dict[str, float]], own: dict[str, float] | None = None) -> dict[str, tuple[float, float]]:
    """Their quantiles, by name; around those that were found on all videos, where they are given."""
    found = {}
    for name in figures[0]:
        values = np.array([each[name] for each in figures])
        shift = own[name] - values.mean() if own else 0.0
        found[name] = tuple(np.quantile((values + shift).clip(0, 100) if own else values, [0.025, 0.975]))
    return found


def agree(got, wanted) -> None:
    assert got.keys() <= wanted.keys()
    assert got
    for name, interval in got.items():
        assert interval == pytest.approx(wanted[name], abs=1e-9), name
        assert interval[0] <= interval[1]


def segments(rng, count: int) -> np.ndarray:
    start = rng.integers(0, 20, count) / 2
    return np.stack([start, start + rng.integers(1, 12, count) / 2], axis=1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("evaluator", ["activitynet", "thumos14"])
def test_temporal_localisation(evaluator, seed):
    rng = np.random.default_rng(seed)
    videos, blocked = 7, frozenset([3] if seed % 2 else [])
    truth = TrueSegments(rng.integers(videos - 1, size=14), segments(rng, 14), rng.integers(-1, 3, 14), videos)
    found = [(segments(rng, 12), rng.random(12), rng.integers(0, 4, 12)) for _ in range(videos - 2)]  # one says nothing
    words = {"thresholds": (0.3, 0.5, 0.7), "evaluator": evaluator}

    def measured(truth, listed, blocked=frozenset()):
        metric = TemporalDetection(truth, blocked=blocked, **words)
        for number, video in enumerate(listed):
            if video < len(found):
                metric.update(number, *map(torch.from_numpy, found[video]))
            else:
                metric.update(number, torch.empty(0, 2), torch.empty(0), torch.empty(0, dtype=torch.int64))
        return metric

    slow, kept = [], [video for video in range(videos) if video not in blocked]
    for draw in draws(len(kept)):
        listed = [kept[place] for place in draw]
        rows = [np.flatnonzero(truth.video == video) for video in listed]
        number = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        rows = np.concatenate(rows)
        again = TrueSegments(number, truth.segment[rows], truth.label[rows], len(listed))
        slow.append(measured(again, listed).compute())
    metric = measured(truth, range(videos), blocked)
    agree(metric.intervals(), ends(slow, metric.compute()))


@pytest.mark.parametrize("seed", range(3))
def test_boxes_on_key_frames_of_videos(seed):
    rng = np.random.default_rng(seed)
    frames, per_video = 15, 3
    video = np.arange(frames) // per_video
    corner = rng.integers(0, 5, (30, 2)) / 10
    box = np.concatenate([corner, corner + rng.integers(2, 5, (30, 2)) / 10], axis=1)
    frame, label = rng.integers(frames, size=30), rng.integers(1, 4, 30)
    seen = [number for number in range(frames) if number != 4]  # of which nothing is known
    found = {n: (box[rng.integers(30, size=8)], rng.random(8), rng.integers(1, 4, 8)) for n in seen}

    def measured(frame, rows, listed):
        metric = FrameDetection(boxes.TrueBoxes(frame, box[rows], label[rows], len(listed), (1, 2, 3)))
        for number, which in enumerate(listed):
            if which in found:
                count = np.array([len(found[which][1])])
                metric.update(np.array([number]), count, *map(torch.from_numpy, found[which]))
        return metric

    slow = []
    for draw in draws(5):
        listed = [n for drawn in draw for n in range(drawn * per_video, (drawn + 1) * per_video) if n in found]
        rows = [np.flatnonzero(frame == which) for which in listed]
        again = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        slow.append(measured(again, np.concatenate(rows), listed).compute())
    metric = measured(frame, np.arange(30), range(frames))
    agree(metric.intervals(video), ends(slow, metric.compute()))


@pytest.mark.parametrize("seed", range(3))
def test_anticipation(seed):
    rng = np.random.default_rng(seed)
    images, video = 12, np.arange(12) // 2
    corner = rng.integers(0, 50, (24, 2)).astype(float)
    box = np.concatenate([corner, corner + rng.integers(20, 50, (24, 2))], axis=1)
    truth = TrueObjects(
        rng.integers(images, size=24), box, rng.integers(3, size=24), rng.integers(2, size=24), rng.random(24), images
    )
    found = {}
    for image in range(images - 1):  # the last one is never reported
        rows = rng.integers(24, size=9)
        noun, verb = torch.from_numpy(rng.integers(3, size=9)), torch.from_numpy(rng.integers(2, size=9))
        found[image] = torch.from_numpy(box[rows]), torch.from_numpy(rng.random(9)), noun, verb, torch.rand(9)

    def measured(truth, listed):
        metric = ShortTermAnticipation(truth)
        for number, image in enumerate(listed):
            if image in found:
                metric.update(number, *found[image])
        return metric

    slow = []
    for draw in draws(6):
        listed = [image for drawn in draw for image in (2 * drawn, 2 * drawn + 1)]
        rows = [np.flatnonzero(truth.image == image) for image in listed]
        number = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        rows = np.concatenate(rows)
        parts = (part[rows] for part in (truth.box, truth.noun, truth.verb, truth.ttc))
        slow.append(measured(TrueObjects(number, *parts, len(listed)), listed).compute())
    metric = measured(truth, range(images))
    own = metric.compute()
    got = metric.intervals(video)
    assert len(got) == 4
    agree(got, ends(slow, own))


@pytest.mark.parametrize("seed", range(3))
def test_coco(seed):
    pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed: the extra `detection`")
    rng = np.random.default_rng(seed)
    ids = [30, 10, 20, 50, 40, 60]
    image = rng.choice(ids, 14)
    box = np.concatenate([rng.uniform(0, 60, (14, 2)), rng.uniform(10, 40, (14, 2))], axis=1)
    near = np.concatenate([image[:, None], box + rng.normal(0, 3, box.shape)], axis=1)
    far = np.concatenate([rng.choice(ids, (20, 1)), rng.uniform(5, 50, (20, 4))], axis=1)
    found = np.concatenate([near, far])
    found = np.concatenate([found, rng.random((len(found), 1))], axis=1)
    metric = ObjectDetection(detection.TrueBoxes(image, box, ids))
    for each in ids:
        mine = torch.from_numpy(found[found[:, 0] == each])
        metric.update(each, mine[:, 1:5], mine[:, 5])
    video = np.array([0, 0, 1, 1, 2, 2])
    slow = []
    for draw in draws(3):
        listed = [ids[place] for drawn in draw for place in np.flatnonzero(video == drawn)]
        true = [(number, row) for number, each in enumerate(listed, 1) for row in np.flatnonzero(image == each)]
        again = detection.TrueBoxes(*_columns(true, box), list(range(1, len(listed) + 1)))
        rows = [[number, *row[1:]] for number, each in enumerate(listed, 1) for row in found[found[:, 0] == each]]
        slow.append(average_precisions(again, np.array(rows)))
    got, wanted = metric.intervals(video), ends(slow, metric.compute())
    assert set(got) == {"AP", "AP50", "AP75"}
    for name, interval in got.items():  # the library's precisions have an epsilon below them
        assert interval == pytest.approx(wanted[name], abs=1e-6)


def _columns(true, box):
    return np.array([number for number, _ in true], dtype=np.int64), box[[row for _, row in true]]


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


def test_moments_are_counted_by_clip():
    rng = np.random.default_rng(1)
    truth = TrueSegments(rng.integers(5, size=14), segments(rng, 14), rng.integers(0, 2, 14), 6)
    metric = MomentRecall(truth)
    for video in range(5):
        metric.update(video, *map(torch.from_numpy, (segments(rng, 9), rng.random(9), rng.integers(0, 2, 9))))
    metric.compute()
    hits, moments = metric._hits(), np.bincount(truth.video, minlength=6)
    slow = [100 * hits[draw].sum(0) / moments[draw].sum() for draw in draws(6, bootstrap.RESAMPLES)]
    low, high = np.quantile(slow, [0.025, 0.975], axis=0)
    assert metric.intervals()["Recall@1x tIoU=0.5"] == pytest.approx((low[0, 1], high[0, 1]))
    assert len(metric.intervals()) == 15


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


def test_copies_that_stand_side_by_side_do_not_move_the_interval_off_the_figure():
    """Two hundred rankings of chance: copies of a lucky video raise average precision in nearly every draw."""
    rng = np.random.default_rng(0)
    truth = TrueSegments(rng.integers(60, size=150), segments(rng, 150), rng.integers(20, size=150), 60)
    metric = TemporalDetection(truth, (0.5,))
    for video in range(60):
        metric.update(video, *map(torch.from_numpy, (segments(rng, 30), rng.random(30), rng.integers(0, 20, 30))))
    low, high = metric.intervals()["avg_mAP"]
    assert low < metric.compute()["avg_mAP"] < high


def test_what_a_replica_leaves_undefined_has_no_interval():
    def figures(times):
        return {"always": float(times.sum()), "never": float("nan") if times[0] == 0 else 1.0}

    assert bootstrap.bootstrap_figures(figures, 4, 50) == {"always": (4.0, 4.0)}
    assert bootstrap.bootstrap_figures(figures, [4, 1], 50) == {}

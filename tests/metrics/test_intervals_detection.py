"""Intervals of what is found in segments, boxes and moments, against the evaluator run on every drawn set of videos."""

import numpy as np
import pytest
import torch

from internvideo_pl.metrics import bootstrap, boxes, detection
from internvideo_pl.metrics.anticipation import ShortTermAnticipation, TrueObjects
from internvideo_pl.metrics.boxes import FrameDetection
from internvideo_pl.metrics.detection import ObjectDetection, average_precisions
from internvideo_pl.metrics.moments import MomentRecall
from internvideo_pl.metrics.temporal import TemporalDetection, TrueSegments
from tests.metrics.replicas import agree, draws, ends

pytestmark = pytest.mark.usefixtures("few")


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


def test_copies_that_stand_side_by_side_do_not_move_the_interval_off_the_figure():
    """Two hundred rankings of chance: copies of a lucky video raise average precision in nearly every draw."""
    rng = np.random.default_rng(0)
    truth = TrueSegments(rng.integers(60, size=150), segments(rng, 150), rng.integers(20, size=150), 60)
    metric = TemporalDetection(truth, (0.5,))
    for video in range(60):
        metric.update(video, *map(torch.from_numpy, (segments(rng, 30), rng.random(30), rng.integers(0, 20, 30))))
    low, high = metric.intervals()["avg_mAP"]
    assert low < metric.compute()["avg_mAP"] < high

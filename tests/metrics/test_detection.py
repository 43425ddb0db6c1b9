"""COCO's average precision against one written from its definition: 101 recalls, ten overlaps, 100 boxes an image."""

import numpy as np
import pytest

from internvideo_pl.metrics.detection import TrueBoxes, average_precisions


def overlap(a, b) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def slow(truth: TrueBoxes, found: np.ndarray, least: float) -> float:
    ordered = found[np.argsort(-found[:, 5], kind="stable")]
    ranks = [int((ordered[:place, 0] == row[0]).sum()) for place, row in enumerate(ordered)]
    found = ordered[np.array(ranks) < 100]  # the surest of each image
    taken, right = set(), []
    for row in found[np.argsort(-found[:, 5], kind="stable")]:
        mine = [i for i in np.flatnonzero(truth.image == row[0]) if i not in taken]
        overlaps = [overlap(row[1:5], truth.box[i]) for i in mine]
        best = int(np.argmax(overlaps)) if overlaps else -1
        hit = best >= 0 and overlaps[best] >= least
        if hit:
            taken.add(mine[best])
        right.append(hit)
    hits = np.cumsum(right)
    recall, precision = hits / len(truth.image), hits / np.arange(1, len(right) + 1)
    points = [precision[recall >= r].max() if (recall >= r).any() else 0.0 for r in np.linspace(0, 1, 101)]
    return 100 * float(np.mean(points))


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_cocos(seed):
    pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed: the extra `detection`")
    rng = np.random.default_rng(seed)
    image = rng.integers(1, 6, 12)
    box = np.concatenate([rng.uniform(0, 60, (12, 2)), rng.uniform(10, 40, (12, 2))], axis=1)
    truth = TrueBoxes(image, box, list(range(1, 7)))
    near = np.concatenate([image[:, None], box + rng.normal(0, 3, box.shape)], axis=1)
    far = np.concatenate([rng.integers(1, 7, (20, 1)), rng.uniform(5, 50, (20, 4))], axis=1)
    found = np.concatenate([near, far])
    found = np.concatenate([found, rng.permutation(len(found))[:, None] / len(found)], axis=1)
    got = average_precisions(truth, found)
    wanted = [slow(truth, found, least) for least in np.arange(0.5, 1.0, 0.05)]
    assert got["AP50"] == pytest.approx(wanted[0], abs=1e-6)
    assert got["AP75"] == pytest.approx(wanted[5], abs=1e-6)
    assert got["AP"] == pytest.approx(np.mean(wanted), abs=1e-6)


def test_only_the_hundred_surest_boxes_of_an_image_count():
    pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed: the extra `detection`")
    truth = TrueBoxes(np.array([1, 2]), np.array([[1.0, 2, 10, 10], [0, 0, 5, 8]]), [1, 2])
    noise = np.array([[1, 200.0 + k, 200, 5, 5, 0.9 - k / 1000] for k in range(100)])
    late, right = np.array([[1, 1.0, 2, 10, 10, 0.1]]), np.array([[2, 0.0, 0, 5, 8, 0.05]])
    found = np.concatenate([noise, late, right])
    got = average_precisions(truth, found)
    assert got["AP50"] == pytest.approx(slow(truth, found, 0.5), abs=1e-6)
    assert got["AP50"] < average_precisions(truth, np.concatenate([noise[1:], late, right]))["AP50"]


def test_perfect_boxes_reach_everything_and_none_nothing():
    pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed: the extra `detection`")
    truth = TrueBoxes(np.array([1, 2]), np.array([[1.0, 2, 10, 10], [0, 0, 5, 8]]), [1, 2])
    found = np.array([[1, 1.0, 2, 10, 10, 0.9], [2, 0, 0, 5, 8, 0.5]])
    assert average_precisions(truth, found) == pytest.approx({"AP": 100, "AP50": 100, "AP75": 100})
    assert average_precisions(truth, found[:0]) == {"AP": 0.0, "AP50": 0.0, "AP75": 0.0}

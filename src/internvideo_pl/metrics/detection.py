"""COCO's average precision of boxes of one class, by faster-coco-eval: at overlaps of 0.5 to 0.95, 0.5 and 0.75.

Its intervals are drawn from a matching of our own, by the same rule: the library would have to match again each time.

Shapes: P predictions, G true boxes, I images, R = 10 overlaps.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures
from internvideo_pl.metrics.precision import Resampled
from internvideo_pl.metrics.samples import SampleMetric
from internvideo_pl.metrics.segments import hits_of_detections

MOST = 100  # boxes of an image that count
NAMES = ("AP", "AP50", "AP75")
OVERLAPS = np.linspace(0.5, 0.95, 10)  # COCO's, of which AP50 is the first and AP75 the sixth
Rows = NDArray[np.float64]


@dataclass(frozen=True)
class TrueBoxes:
    """The boxes of a list.

    Attributes:
        image: int64 (G,), id of the image.
        box: float64 (G, 4), x, y, width, height in pixels.
        images: Ids of all images.
    """

    image: NDArray[np.int64]
    box: Rows
    images: list[int]


class ObjectDetection(SampleMetric):
    """AP, AP50, AP75 in percent; images of which nothing is reported count with all their boxes missed."""

    def __init__(self, truth: TrueBoxes, **kwargs: Any):
        super().__init__(**kwargs)
        self.truth = truth
        self.add_rows("found", (7,), torch.float64)  # image, place, x, y, width, height, score

    def update(self, image: int, box: Tensor, score: Tensor) -> None:
        """Add all predictions of an image: boxes (P, 4) x, y, width, height in pixels and scores (P,)."""
        place = torch.arange(len(score), device=score.device, dtype=torch.float64)
        head = torch.stack([torch.full_like(place, image), place], 1)
        self.append(found=torch.cat([head, box.double(), score.double()[:, None]], 1).to(self.device))

    def predictions(self) -> Rows:
        """Image, x, y, width, height, score of every prediction (P, 6), each once.

        Raises:
            UserError: A value is not finite.
        """
        rows = self.rows("found").cpu().numpy()
        rows = rows[np.unique(rows[:, :2], axis=0, return_index=True)[1]]
        if not np.isfinite(rows).all():
            raise UserError("A prediction is not a finite number; load a checkpoint from before it diverged.")
        return np.delete(rows, 1, axis=1)

    def compute(self) -> dict[str, float]:
        """The three figures."""
        return average_precisions(self.truth, self.predictions())

    def intervals(self, video: NDArray[np.int64]) -> dict[str, Interval]:
        """95 % intervals of the three figures over other videos with all their images.

        Args:
            video: int64 (I,), number of the video that each of the list's images is of.
        """
        videos, own = np.unique(video, return_inverse=True)
        order = np.argsort(self.truth.images)
        sorted_ids = np.asarray(self.truth.images)[order]
        found = self.predictions()
        found = found[np.argsort(-found[:, 5], kind="stable")]
        place, true = (order[np.searchsorted(sorted_ids, ids)] for ids in (found[:, 0], self.truth.image))
        hit = hits_of_detections(found[:, 1:5], place, self.truth.box, true, np.minimum(OVERLAPS, 1 - 1e-10), _overlap)
        curve = Resampled(hit, own[place], "coco")

        def figures(times: NDArray[np.int64]) -> dict[str, float]:
            each = 100 * curve(times, int(times[own[true]].sum()))
            return dict(zip(NAMES, (float(each.mean()), float(each[0]), float(each[5])), strict=True))

        return bootstrap_figures(figures, len(videos)) if len(found) and len(true) else {}


def _overlap(a: Rows, b: Rows) -> Rows:
    """Intersection over union of boxes (..., 4) as x, y, width, height, broadcast."""
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    return common / (a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - common)


def average_precisions(truth: TrueBoxes, found: Rows) -> dict[str, float]:
    """AP, AP50, AP75 in percent of (P, 6) predictions: image, x, y, width, height, score.

    Raises:
        UserError: faster-coco-eval is not installed.
    """
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise UserError(
            "average precision of boxes needs faster-coco-eval: pip install 'internvideo_pl[detection]'"
        ) from error
    if not len(found) or not len(truth.image):
        return dict.fromkeys(NAMES, 0.0)
    listed = [
        {
            "id": n,  # from 1: to COCO's evaluator 0 is no match
            "image_id": int(i),
            "category_id": 1,
            "bbox": b.tolist(),
            "area": float(b[2] * b[3]),
            "iscrowd": 0,
        }
        for n, (i, b) in enumerate(zip(truth.image, truth.box, strict=True), 1)
    ]
    categories = [{"id": 1, "name": "object_of_change"}]
    official = COCO({"images": [{"id": i} for i in truth.images], "annotations": listed, "categories": categories})
    results = [
        {"image_id": int(row[0]), "category_id": 1, "bbox": row[1:5].tolist(), "score": float(row[5])} for row in found
    ]
    evaluation = COCOeval_faster(official, official.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {name: 100 * float(value) for name, value in zip(NAMES, evaluation.stats[:3], strict=True)}

"""Video recognition: top-1, top-5 and mean per-class accuracy over averaged views.

The protocol of VideoMAE, UniFormerV2 and InternVideo: softmax of each view, mean over the views of a video, argmax.
Views are kept by (sample, view) number, so that padding repeats count once. Nothing stands in for a missing video:
the accuracy is over the videos that were seen, and bounds say what the missing ones could do to it.

Shape legend: B batch, N views kept, S videos seen, K classes.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures, bootstrap_mean
from internvideo_pl.metrics.samples import SampleMetric, first_of_each


def chance(num_classes: int, k: int = 1) -> float:
    """Percentage that a uniform guess of `k` of `num_classes` classes gets right."""
    return 100.0 * min(k, num_classes) / num_classes


class Recognition(SampleMetric):
    """Accuracy in percent of videos whose views are averaged.

    After `compute`, `seen` holds the sample numbers that were scored and `missing` those of the official list that were
    not; both are sorted lists. `intervals`, `confusion` and `worst` then say more about all of those scored.
    """

    def __init__(self, num_classes: int, official: int, **kwargs: Any):
        """Prepare for `official` test videos, numbered 0 to `official` - 1 as in the official list."""
        super().__init__(**kwargs)
        self.num_classes, self.official = num_classes, official
        self.seen: list[int] = []
        self.missing: list[int] = []
        self.scored: tuple[Tensor, Tensor, Tensor] | None = None  # of all processes
        self.add_rows("probability", (num_classes,), torch.float32)
        self.add_rows("label", (), torch.int64)
        self.add_rows("key", (2,), torch.int64)

    def update(self, logits: Tensor, label: Tensor, index: Tensor, view: Tensor | None = None) -> None:
        """Add a batch of views.

        Args:
            logits: (B, K), before the softmax.
            label: int64 (B,).
            index: int64 (B,), the video's number in the official list.
            view: int64 (B,), the number of the view within its video; None for one view a video.
        """
        view = torch.zeros_like(index) if view is None else view
        self.append(probability=logits.float().softmax(-1), label=label, key=torch.stack([index, view], dim=1))

    def compute(self) -> dict[str, float]:
        """`top1`, `top5` (of more than 5 classes), `mean_class`, and the bounds `top1/low` and `top1/high`.

        `mean_class` is the mean over the classes that occur of the accuracy within each. The bounds count every missing
        video of the official list as wrong, then as right.

        Raises:
            UserError: no video was seen, or a model returned a value that is not finite.
        """
        self.scored = score, label, index = self._videos()
        self.seen = index.tolist()
        self.missing = sorted(set(range(self.official)) - set(self.seen))
        hits = (score.topk(min(5, self.num_classes)).indices == label[:, None]).double()  # (S, 5)
        right = hits[:, 0]
        result = {"top1": 100.0 * right.mean().item(), "mean_class": _mean_class(right, label, torch.ones_like(right))}
        if self.num_classes > 5:
            result["top5"] = 100.0 * hits.sum(1).mean().item()
        total = len(self.seen) + len(self.missing)
        result["top1/low"] = 100.0 * right.sum().item() / total
        result["top1/high"] = 100.0 * (right.sum().item() + len(self.missing)) / total
        return result

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of `top1`, `top5` and `mean_class` over other videos."""
        score, label, _ = self._gathered()
        hits = (score.topk(min(5, self.num_classes)).indices == label[:, None]).double()  # (S, 5)
        found = {"top1": bootstrap_mean(100.0 * hits[:, 0], right=100.0)}
        if self.num_classes > 5:
            found["top5"] = bootstrap_mean(100.0 * hits.sum(1), right=100.0)
        right, true = hits[:, 0].cpu(), label.cpu()

        def mean_class(times: NDArray[np.int64]) -> dict[str, float]:
            return {"mean_class": _mean_class(right, true, torch.from_numpy(times).double())}

        known = {name: interval for name, interval in found.items() if interval is not None}
        return known | bootstrap_figures(mean_class, len(label), shares={"mean_class": len(label)})

    def confusion(self) -> Tensor:
        """int64 (K, K), videos of each true class (rows) by the class that they were given (columns)."""
        score, label, _ = self._gathered()
        counts = torch.bincount(label * self.num_classes + score.argmax(-1), minlength=self.num_classes**2)
        return counts.view(self.num_classes, self.num_classes)

    def worst(self, count: int) -> list[tuple[int, int, int, float]]:
        """The videos that were most surely given a wrong class: (number, true class, given class, its probability)."""
        score, label, index = self._gathered()
        sure, given = score.max(-1)
        wrong = (given != label).nonzero()[:, 0]
        order = wrong[sure[wrong].argsort(descending=True, stable=True)][:count]
        return [(int(index[i]), int(label[i]), int(given[i]), float(sure[i])) for i in order]

    def per_class(self) -> dict[int, float]:
        """Accuracy in percent within each class that occurs, from this process's rows (or all of them after a sync)."""
        score, label, _ = self._videos()
        right = (score.argmax(-1) == label).double()
        return {int(k): 100.0 * right[label == k].mean().item() for k in label.unique()}

    def _gathered(self) -> tuple[Tensor, Tensor, Tensor]:
        assert self.scored is not None, "compute comes first: it gathers the videos of all processes"
        return self.scored

    def _videos(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean probabilities (S, K), labels (S,) and sorted numbers (S,) of the videos seen."""
        key = self.rows("key")
        if not len(key):
            raise UserError("No test video was evaluated: check that the test split is not empty and its files decode.")
        keep = first_of_each(key)
        probability, label = self.rows("probability")[keep].double(), self.rows("label")[keep]  # (N, K), (N,)
        if not probability.isfinite().all():
            raise UserError("The model's outputs are not finite numbers; load a checkpoint from before it diverged.")
        index, video = torch.unique(key[keep, 0], return_inverse=True)  # (S,), (N,)
        total = torch.zeros(len(index), self.num_classes, dtype=torch.float64, device=probability.device)
        views = torch.bincount(video, minlength=len(index))
        labels = torch.zeros_like(index).scatter(0, video, label)
        return total.index_add(0, video, probability) / views[:, None], labels, index


def _mean_class(right: Tensor, label: Tensor, times: Tensor) -> float:
    """Mean over classes that occur of the share of `right` (S,) within the class, in percent; videos count `times`."""
    count = torch.bincount(label, weights=times)
    share = torch.bincount(label, weights=right * times) / count.clamp(min=1)
    return 100.0 * share[count > 0].mean().item()

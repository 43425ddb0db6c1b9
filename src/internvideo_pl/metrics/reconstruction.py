"""How much of the hidden pixels a masked autoencoder explains.

The target of masked pretraining is each patch normalised by its own mean and variance (VideoMAE, section 3), so the
answer that knows nothing is zero everywhere: the patch's mean colour. The share of the target's energy that is
explained is 0 % for that answer and 100 % for a perfect one, whatever the patch size or the variance floor. The raw
loss has neither end.

Shape legend: B batch, M masked tokens, P values of a patch.
"""

from typing import Any

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_ratio
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

# What a decoder that answers with every patch's mean reaches, by the definition of `explained`.
CHANCE = 0.0


class Reconstruction(SampleMetric):
    """Mean squared error on masked patches, and the percentage of their normalised contrast that is explained.

    After `compute`, `intervals` holds both figures' over other videos.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.intervals: dict[str, Interval] = {}
        self.add_rows("sums", (3,), torch.float64)  # squared error, energy of the target, values
        self.add_rows("key", (2,), torch.int64)

    def update(self, prediction: Tensor, target: Tensor, index: Tensor, view: Tensor | None = None) -> None:
        """Add the masked patches of a batch.

        Args:
            prediction: (B, M, P).
            target: Normalised, (B, M, P).
            index: int64 (B,), the video's number in the official list.
            view: int64 (B,), number of the clip within its video; None for one a video.
        """
        prediction, target = prediction.double(), target.double()
        error, energy = (prediction - target).square().sum((1, 2)), target.square().sum((1, 2))
        count = torch.full_like(error, target[0].numel())
        key = torch.stack([index, torch.zeros_like(index) if view is None else view], dim=1)
        self.append(sums=torch.stack([error, energy, count], dim=1), key=key)

    def compute(self) -> dict[str, float]:
        """`mse` (mean over all values of masked patches) and `explained` (percent; negative if worse than the mean).

        Raises:
            UserError: No video was seen.
        """
        key = self.rows("key")
        if not len(key):
            raise UserError("No test video was evaluated: check that the test split is not empty and its files decode.")
        keep = first_of_each(key)
        error, energy, count = self.rows("sums")[keep].unbind(1)
        video = key[keep, 0]
        found = {
            "mse": bootstrap_ratio(error, count, video),
            "explained": bootstrap_ratio(100.0 * (energy - error), energy, video),
        }
        self.intervals = {name: interval for name, interval in found.items() if interval is not None}
        explained = 100.0 * (1.0 - error.sum() / energy.sum())
        return {"mse": (error.sum() / count.sum()).item(), "explained": explained.item()}

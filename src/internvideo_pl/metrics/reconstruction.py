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
from torchmetrics import Metric

# What a decoder that answers with every patch's mean reaches, by the definition of `explained`.
CHANCE = 0.0


class Reconstruction(Metric):
    """Mean squared error on masked patches, and the percentage of their normalised contrast that is explained."""

    full_state_update = False
    error: Tensor
    energy: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        for name in ("error", "energy", "count"):
            self.add_state(name, default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add the masked patches of a batch: prediction and normalised target, both (B, M, P)."""
        prediction, target = prediction.double(), target.double()
        self.error += (prediction - target).square().sum()
        self.energy += target.square().sum()
        self.count += target.numel()

    def compute(self) -> dict[str, float]:
        """`mse` (mean over all values of masked patches) and `explained` (percent; negative if worse than the mean)."""
        explained = 100.0 * (1.0 - self.error / self.energy)
        return {"mse": (self.error / self.count).item(), "explained": explained.item()}

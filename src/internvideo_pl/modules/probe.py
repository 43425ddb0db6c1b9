"""Probes: a small classifier on a frozen backbone, which tells what its features hold."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.heads.attentive import AttentiveClassifier
from internvideo_pl.modules.recognition import Recognition
from internvideo_pl.objectives.supervised import Supervised


class Probing(Recognition):
    """Trains the classifier alone; the backbone is frozen here, in place, and stays in evaluation mode.

    A batch whose `video` is not of pixels (uint8) holds the backbone's features, computed before.

    Args:
        objective: Cross entropy around a `Classifier` or an `AttentiveClassifier`.
        optimisation: See `VideoModule`.
    """

    def __init__(self, objective: Supervised, **optimisation: Any):
        super().__init__(objective, **optimisation)
        model: Any = objective.model
        model.backbone.requires_grad_(False)

    @property
    def encode(self) -> Callable[[Tensor], Tensor]:
        """uint8 (B, T, H, W, 3) -> what the classifier reads, (B, D) or (B, N, D)."""
        return self._features

    def train(self, mode: bool = True) -> "Probing":
        """Training mode for the classifier."""
        super().train(mode)
        model: Any = self.model
        model.backbone.eval()
        return self

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": cross entropy}."""
        scores = self.scores(batch)
        return self.objective.of_scores(scores, batch.label)

    def scores(self, batch: Batch) -> Tensor:
        """The classifier's."""
        model: Any = self.model
        return model.head(self._features(batch.video) if batch.video.dtype == torch.uint8 else batch.video.float())

    def _features(self, video: Tensor) -> Tensor:
        model: Any = self.model
        with torch.no_grad():
            features = model.backbone(model.input.prepare(video))
        return features.tokens if isinstance(model, AttentiveClassifier) else features.pooled

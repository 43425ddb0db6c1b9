"""Masked video modelling: InternVideo's generative half (arXiv 2212.03191, section 3.1)."""

from typing import Any

import torch
from torch import Tensor

from internvideo_pl.backbones.masks import Masks
from internvideo_pl.data.batch import Batch
from internvideo_pl.metrics.reconstruction import CHANCE, Reconstruction
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.masked import MaskedModeling


class MaskedReconstruction(VideoModule):
    """Trains a masked autoencoder; tests how much of the hidden pixels it explains.

    Test masks are keyed by the clip's number, so that a number can be repeated.
    """

    objective: MaskedModeling

    def __init__(self, objective: MaskedModeling, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.reconstruction = Reconstruction()

    @property
    def tokens_per_clip(self) -> int:
        """The visible tokens: the encoder never sees the others."""
        return self.objective.num_visible

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": mean squared error on masked tubes}."""
        return self.objective(self.objective.input.prepare(batch.video))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores the batch's hidden tubes."""
        if len(batch):
            video = self.objective.input.prepare(batch.video)
            masks = self.masks(batch.index)
            found, target = self.objective.model(video, masks), self.objective.target(video, masks)
            self.reconstruction.update(found, target, batch.index, batch.view)

    def on_test_epoch_end(self) -> None:
        """Turns the test into an outcome."""
        config, figures = self.objective.config, self.reconstruction.compute()
        self.finish(
            Outcome(
                task="reconstruction",
                metrics=figures,
                intervals=self.reconstruction.intervals,
                headline="explained",
                chance={"explained": CHANCE},
                protocol={"mask_ratio": config.mask_ratio, "norm_target": config.norm_target},
            )
        )
        self.reconstruction.reset()

    def masks(self, index: Tensor) -> Masks:
        """The fixed test masks of these clips: a function of each clip's number alone."""
        drawn = [self.objective.sample(1, "cpu", torch.Generator().manual_seed(int(i))) for i in index]
        return Masks(
            torch.cat([masks.visible for masks in drawn]).to(index.device),
            torch.cat([masks.predicted for masks in drawn]).to(index.device),
        )

"""Future hand prediction (Ego4D): trains a regression of positions, tests displacement, writes the server's file.

Shapes: B batch, S samples, M = 5 frames, two hands, two coordinates.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.errors import UserError
from internvideo_pl.heads.hands import MOMENTS, HandForecaster
from internvideo_pl.metrics.hands import HEADLINE, HandForecast, displacements
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.hands import HandForecasting
from internvideo_pl.submissions.ego4d_fhp import fhp_content, fhp_problems
from internvideo_pl.submissions.submission import Submission


class HandPrediction(VideoModule):
    """Trains and tests a `HandForecaster` on clips whose annotation has "hands".

    Args:
        objective: The loss around the model.
        optimisation: See `VideoModule`.
    """

    objective: HandForecasting
    forecast: HandForecast

    def __init__(self, objective: HandForecasting, **optimisation: Any):
        super().__init__(objective, **optimisation)

    @property
    def model(self) -> HandForecaster:
        """The backbone with its regression."""
        model: Any = self.objective.model
        return model

    def on_fit_start(self) -> None:
        """Starts the regression at the training list's middle positions."""
        truth, seen = self._listed("train")
        self.model.offset.copy_(middle(truth, seen))
        self.model.scale.copy_(truth[seen].std())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": smooth L1 over the hands in sight}."""
        truth, seen = positions(batch.annotations or [None] * len(batch))
        clip = self.model.input.prepare(batch.video)
        return self.objective(clip, truth.to(self.device), seen.to(self.device))

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test list."""
        self.forecast = HandForecast(self.data.split("test").official).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps each view's positions."""
        if len(batch):
            truth, _ = positions(batch.annotations)
            points = self.model(self.model.input.prepare(batch.video))
            self.forecast.update(points, truth.to(self.device), batch.index, batch.view)

    def on_test_epoch_end(self) -> None:
        """The server's file, and the outcome where the list has labels."""
        figures = self.forecast.compute()
        split = self.data.split("test")
        content = fhp_content({split.samples[i].key: points for i, points in self.forecast.points.items()})
        keys = [sample.key for sample in split.samples] + split.missing
        self.submission = Submission(content, tuple(fhp_problems(content, keys)))
        if not self._listed("test")[1].any():
            return
        self.finish(
            Outcome(
                task="ego4d_future_hand_prediction",
                metrics=figures,
                headline=HEADLINE,
                chance=self._constant(),
                protocol={"displacement": "pixels of the annotated frames"},
                intervals=self.forecast.intervals(self.videos_of_test),
            )
        )

    def _constant(self) -> dict[str, float]:
        """The figures of the best constant: the training list's middle positions for every clip."""
        try:
            guess = middle(*self._listed("train"))
        except UserError:  # who only evaluates may have no training list
            return {}
        truth, _ = self._listed("test")
        return displacements(guess.expand_as(truth), truth)

    def _listed(self, split: str) -> tuple[Tensor, Tensor]:
        return positions(sample.annotation for sample in self.data.split(split).samples)


def positions(annotations: Iterable[Any]) -> tuple[Tensor, Tensor]:
    """True pixels (S, M, 2, 2), (0, 0) where a hand is out of sight, and whether it is in sight, bool (S, M, 2)."""
    nothing = [None] * (2 * MOMENTS)
    listed = [(said or {}).get("hands", nothing) for said in annotations]
    truth = torch.tensor([[point or (0.0, 0.0) for point in hands] for hands in listed]).reshape(-1, MOMENTS, 2, 2)
    seen = torch.tensor([[point is not None for point in hands] for hands in listed], dtype=torch.bool)
    return truth, seen.reshape(-1, MOMENTS, 2)


def middle(truth: Tensor, seen: Tensor) -> Tensor:
    """The median of every coordinate over the clips in which it is known, (M, 2, 2)."""
    known = truth.masked_fill(~seen[..., None], float("nan"))
    return known.nanmedian(dim=0).values.nan_to_num(0.0)

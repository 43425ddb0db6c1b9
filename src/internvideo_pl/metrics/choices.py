"""Multiple choice: the share of questions whose right option scores highest; and counts, by their squared error.

The first of equally good options is taken, as `argmax` does in the public evaluators: whoever gives all options one
score gets the share that stands first. Questions are kept by number, so that padding repeats count once.

Shape legend: B batch, O options, Q questions seen.
"""

from typing import Any

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_mean
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

LEAST, MOST = 1, 10  # counts that TGIF-QA's evaluator allows a prediction (its public code clips to them)
_UNSEEN = "No test question was answered: check that the test list's videos are there and decode."


class Choices(SampleMetric):
    """Accuracy in percent of a choice among O options; probabilities of a question's views are averaged."""

    def __init__(self, num_options: int, official: int, **kwargs: Any):
        """Prepare for `official` questions with `num_options` each."""
        super().__init__(**kwargs)
        self._scored: tuple[Tensor, Tensor] | None = None  # numbers, right
        self.num_options, self.official = num_options, official
        self.add_rows("probability", (num_options,), torch.float32)
        self.add_rows("label", (), torch.int64)
        self.add_rows("key", (2,), torch.int64)  # question, view

    def update(self, logits: Tensor, label: Tensor, index: Tensor, view: Tensor) -> None:
        """Add a batch of views.

        Args:
            logits: (B, O), before the softmax.
            label: int64 (B,), place of the right option.
            index: int64 (B,), number of the question in the test list.
            view: int64 (B,), number of the view within its question.
        """
        self.append(probability=logits.float().softmax(-1), label=label, key=torch.stack([index, view], dim=1))

    def compute(self) -> dict[str, float]:
        """`top1` and, for missing questions, its bounds `top1/low` and `top1/high`.

        Raises:
            UserError: No question was seen, or a model returned a value that is not finite.
        """
        key = self.rows("key")
        if not len(key):
            raise UserError(_UNSEEN)
        keep = first_of_each(key)
        probability, label = self.rows("probability")[keep], self.rows("label")[keep]
        if not probability.isfinite().all():
            raise UserError("The model's outputs are not finite numbers; load a checkpoint from before it diverged.")
        number, question = torch.unique(key[keep, 0], return_inverse=True)  # (Q,), rows of the views
        score = torch.zeros(len(number), self.num_options, dtype=torch.float64, device=label.device)
        score = score.index_add(0, question, probability.double())
        labels = torch.zeros_like(number).scatter(0, question, label)
        right = score.argmax(dim=1) == labels
        self._scored, hits = (number, right), right.sum().item()
        total = max(self.official, len(number))
        return {
            "top1": 100.0 * hits / len(number),
            "top1/low": 100.0 * hits / total,
            "top1/high": 100.0 * (hits + total - len(number)) / total,
        }

    def intervals(self, video: Tensor) -> dict[str, Interval]:
        """The 95 % interval of `top1` over other videos, with the questions of each; after `compute`.

        Args:
            video: int64 (official,), number of the video that each question of the list is about.
        """
        assert self._scored is not None, "compute comes first: it gathers the questions of all processes"
        number, right = (part.cpu() for part in self._scored)
        interval = bootstrap_mean(100.0 * right, video.cpu()[number], right=100.0)
        return {} if interval is None else {"top1": interval}


class Counts(SampleMetric):
    """Squared error of counts: predictions are rounded to whole numbers from 1 to 10, as TGIF-QA's evaluator does."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._scored: tuple[Tensor, Tensor, Tensor] | None = None  # numbers, errors, right
        self.add_rows("count", (2,), torch.float64)  # predicted, true
        self.add_rows("key", (), torch.int64)

    def update(self, predicted: Tensor, count: Tensor, index: Tensor) -> None:
        """Add predictions (B,) of counts (B,) with the numbers int64 (B,) of their questions."""
        self.append(count=torch.stack([predicted.double(), count.double()], dim=1), key=index)

    def compute(self) -> dict[str, float]:
        """`mse`, and `acc`, the percentage of counts that are exactly right.

        Raises:
            UserError: No question was seen, or a prediction is not finite.
        """
        key = self.rows("key")
        if not len(key):
            raise UserError(_UNSEEN)
        keep = first_of_each(key)
        predicted, count = self.rows("count")[keep].unbind(1)
        if not predicted.isfinite().all():
            raise UserError("The model's outputs are not finite numbers; load a checkpoint from before it diverged.")
        rounded = predicted.round().clamp(LEAST, MOST)
        self._scored = key[keep], (rounded - count).square(), rounded == count
        _, error, right = self._scored
        return {"mse": error.mean().item(), "acc": 100.0 * right.double().mean().item()}

    def intervals(self, video: Tensor) -> dict[str, Interval]:
        """95 % intervals of both figures over other videos, with the questions of each; after `compute`.

        Args:
            video: int64, number of the video that each question of the list is about.
        """
        assert self._scored is not None, "compute comes first: it gathers the questions of all processes"
        number, error, right = (part.cpu() for part in self._scored)
        own = video.cpu()[number]
        found = {"mse": bootstrap_mean(error, own), "acc": bootstrap_mean(100.0 * right, own, right=100.0)}
        return {name: interval for name, interval in found.items() if interval is not None}

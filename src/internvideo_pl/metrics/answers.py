"""Open-ended question answering: exact accuracy over all test questions, and over those that the vocabulary answers.

Official (Xu et al., ACM Multimedia 2017): right answers over all test questions; an answer outside the vocabulary is
wrong, whatever is said. InternVideo's release leaves such questions out of numerator and denominator; that figure is
`acc_in_vocab`. Questions are kept by number, so that padding repeats count once.

Shape legend: B batch, K answers, Q questions seen.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_mean
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

NOT_FINITE = -2  # stands for the answer of a model whose scores are no numbers


class Answers(SampleMetric):
    """Accuracies in percent of answers that a classifier chooses, one view a question.

    Only the answer is kept of its K scores: 72,821 questions of MSRVTT-QA would else take half a gigabyte.
    """

    def __init__(self, official: int, kinds: Sequence[str], usual: Sequence[int], first: int = 0, **kwargs: Any):
        """Prepare for `official` test questions.

        Args:
            official: Questions of the official list, numbered from 0.
            kinds: Types of questions.
            usual: For each kind the label of the answer that a guesser gives who has seen the training list only.
            first: Label of the answer that is most frequent in the training list.
            kwargs: Passed to `torchmetrics.Metric`.
        """
        super().__init__(**kwargs)
        self._scored: tuple[Tensor, Tensor, Tensor] | None = None  # numbers, right, answerable
        assert len(kinds) == len(usual)
        self.official, self.first = official, first
        self.kinds, self.usual = tuple(kinds), torch.tensor(list(usual))
        self.add_rows("answer", (3,), torch.int64)  # given, label, kind
        self.add_rows("key", (), torch.int64)

    def update(self, logits: Tensor, label: Tensor, kind: Tensor, index: Tensor) -> None:
        """Add a batch.

        Args:
            logits: (B, K), before the softmax.
            label: int64 (B,), -1 for an answer outside the vocabulary.
            kind: int64 (B,), place in `kinds`.
            index: int64 (B,), number of the question in the test list.
        """
        given = logits.argmax(dim=1).masked_fill(~logits.isfinite().all(dim=1), NOT_FINITE)
        self.append(answer=torch.stack([given, label, kind], dim=1), key=index)

    def compute(self) -> dict[str, float]:
        """The figures, in percent.

        `acc` and its bounds `acc/low` and `acc/high` (missing questions wrong, then right), `acc_in_vocab`, `in_vocab`
        (the share of questions that can be answered), `prior` and `prior_by_kind` (accuracy of always giving the most
        frequent training answer, and that of the question's kind), and for each kind that occurs `<kind>/acc`.

        Raises:
            UserError: No question was seen, or a model returned a value that is not finite.
        """
        seen, guess, label, kind = self._questions()
        right, known = guess == label, label >= 0
        usual = self.usual.to(label.device)
        total, hits = max(self.official, len(label)), right.sum().item()
        self._scored = seen, right, known
        result = {
            "acc": _percent(right),
            "acc_in_vocab": _percent(right[known]),
            "in_vocab": _percent(known),
            "prior": _percent((label == self.first) & known),
            "prior_by_kind": _percent((label == usual[kind]) & known),
            "acc/low": 100.0 * hits / total,
            "acc/high": 100.0 * (hits + total - len(label)) / total,
        }
        for number, name in enumerate(self.kinds):
            if (kind == number).any():
                result[f"{name}/acc"] = _percent(right[kind == number])
        return result

    def intervals(self, video: Tensor) -> dict[str, Interval]:
        """95 % intervals of `acc` and `acc_in_vocab` over other videos, with the questions of each; after `compute`.

        Args:
            video: int64 (official,), number of the video that each question of the list is about.
        """
        assert self._scored is not None, "compute comes first: it gathers the questions of all processes"
        number, right, known = (part.cpu() for part in self._scored)
        own = video.cpu()[number]
        found = {
            "acc": bootstrap_mean(100.0 * right, own, right=100.0),
            "acc_in_vocab": bootstrap_mean(100.0 * right[known], own[known], right=100.0),
        }
        return {name: interval for name, interval in found.items() if interval is not None}

    def _questions(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The number, the answer given, the label and the kind of each question seen, (Q,) each."""
        key = self.rows("key")
        if not len(key):
            raise UserError("No test question was answered: check that the test list's videos are there and decode.")
        keep = first_of_each(key)
        given, label, kind = self.rows("answer")[keep].unbind(1)
        if (given == NOT_FINITE).any():
            raise UserError("The model's outputs are not finite numbers; load a checkpoint from before it diverged.")
        return key[keep], given, label, kind


def _percent(hits: Tensor) -> float:
    """Share of true values; NaN where there are none to count."""
    return 100.0 * hits.double().mean().item()

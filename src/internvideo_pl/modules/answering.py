"""Question answering: open-ended, by choice among a few answers, and counting; trained and tested on one fused feature.

Shapes: B batch, L text length, O options.
"""

from typing import Any

import torch
from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.choices import ChoiceData
from internvideo_pl.data.questions import QuestionData
from internvideo_pl.errors import UserError
from internvideo_pl.metrics.answers import Answers
from internvideo_pl.metrics.choices import Choices, Counts
from internvideo_pl.modules.align import tokenizer_of
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.answer import Answering

MADE_UP = {"options": ["an answer"] * ChoiceData.num_options}  # of the clips that a plan follows, which know nothing


class _Answerer(VideoModule):
    """What the three have in common: clips and texts for the model."""

    objective: Answering

    def __init__(self, objective: Answering, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.tokenizer = tokenizer_of(objective.model.encoder)

    def clips(self, batch: Batch) -> Tensor:
        """The batch's clips as the encoder wants them."""
        return self.objective.model.input.prepare(batch.video)

    def tokenize(self, texts: list[str]) -> Tensor:
        """Token ids (B, L) on the module's device."""
        return self.tokenizer(texts).to(self.device)

    def on_test_start(self) -> None:
        """Refuses several views of a question.

        Raises:
            UserError: There are some.
        """
        config = self.data.config
        if config.test_views * config.test_crops > 1:
            raise UserError("questions are answered from one view: set data.test_views=1 and data.test_crops=1")


class QuestionAnswering(_Answerer):
    """Open-ended questions: the answer is one of the vocabulary's. The last weights are tested, none are selected."""

    answers: Answers

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": cross entropy of the questions whose answer is in the vocabulary}."""
        return self.objective(self.clips(batch), self.tokenize(batch.text), batch.label)

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test list."""
        data = self._questions
        usual = [data.usual.get(kind, -1) for kind in data.kinds]
        official, first = data.split("test").official, data.usual.get("", -1)
        self.answers = Answers(official, data.kinds, usual, first).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Answers a batch of questions."""
        if len(batch):
            kinds = [self._questions.kinds.index(said["kind"]) for said in batch.annotations]
            logits = self.objective.model(self.clips(batch), self.tokenize(batch.text))
            self.answers.update(logits, batch.label, torch.tensor(kinds, device=self.device), batch.index)

    def on_test_epoch_end(self) -> None:
        """Turns the accuracies into an outcome; the paper's figures are those within the vocabulary."""
        figures = self.answers.compute()
        within = figures["prior"] / (figures["in_vocab"] / 100) if figures["in_vocab"] else 0.0
        chance = {"acc_in_vocab": within, "acc": figures["prior"]}
        intervals = self.answers.intervals(self.videos_of_test)
        self.finish(Outcome("qa", figures, "acc_in_vocab", chance=chance, protocol={}, intervals=intervals))

    @property
    def _questions(self) -> QuestionData:
        data = self.data
        assert isinstance(data, QuestionData)
        return data


class ChoiceAnswering(_Answerer):
    """Questions with a few answers to choose from, such as TGIF-QA's actions and transitions."""

    choices: Choices

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": cross entropy over the options}."""
        return self.objective.choose(self.clips(batch), self._options(batch), batch.label)

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test list."""
        self.choices = Choices(self.data.num_options, self.data.split("test").official).to(self.device)  # type: ignore[attr-defined]

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores the options of a batch."""
        if len(batch):
            logits = self.objective.model.options(self.clips(batch), self._options(batch))
            self.choices.update(logits, batch.label, batch.index, batch.view)

    def on_test_epoch_end(self) -> None:
        """Turns the accuracy into an outcome."""
        chance = {"top1": 100 / self.choices.num_options}
        figures = self.choices.compute()
        intervals = self.choices.intervals(self.videos_of_test)
        self.finish(Outcome("multiple_choice_qa", figures, "top1", chance=chance, protocol={}, intervals=intervals))

    def _options(self, batch: Batch) -> Tensor:
        """Every option behind its question, (B, O, L)."""
        asked = zip(batch.text, batch.annotations or [MADE_UP] * len(batch), strict=True)
        texts = [f"{question} {option}" for question, said in asked for option in said["options"]]
        return self.tokenize(texts).unflatten(0, (len(batch), -1))


class Counting(_Answerer):
    """Questions that ask for a count, learned as a regression, such as TGIF-QA's."""

    counts: Counts

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": mean squared error of the counts}."""
        return self.objective.count(self.clips(batch), self.tokenize(batch.text), batch.label)

    def on_test_epoch_start(self) -> None:
        """Prepares the metric."""
        self.counts = Counts().to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Counts for a batch of questions."""
        if len(batch):
            predicted = self.objective.model(self.clips(batch), self.tokenize(batch.text))[:, 0]
            self.counts.update(predicted, batch.label, batch.index)

    def on_test_epoch_end(self) -> None:
        """Turns the error into an outcome; chance is the training list's mean count for every question."""
        train, test = self.data.read("train").samples, self.data.split("test").samples
        chance: dict[str, float] = {}
        if train:
            guess, count = Counts(), torch.tensor([sample.label for sample in test])
            mean = sum(sample.label for sample in train) / len(train)
            guess.update(torch.full((len(test),), mean), count, torch.arange(len(test)))
            chance = {"mse": guess.compute()["mse"]}
        figures, intervals = self.counts.compute(), self.counts.intervals(self.videos_of_test)
        self.finish(Outcome("counting", figures, "mse", chance=chance, protocol={}, intervals=intervals))

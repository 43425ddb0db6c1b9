"""Natural-language queries (Ego4D): a span head trained on features and words, its recall, the server's file.

Shapes: B batch, C feature width, T places, L words, W word width, K windows.
"""

from typing import Any

import torch
from torch import Tensor

from internvideo_pl.backbones.text_tower import TextTower, end_positions
from internvideo_pl.data.features.batch import FeatureBatch
from internvideo_pl.errors import UserError
from internvideo_pl.heads.span import SpanHead, best_spans
from internvideo_pl.metrics.spans import HEADLINE, WINDOWS, LanguageQueries, constant_windows, overlap, recalls
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.span import Spans, nearest_span
from internvideo_pl.submissions.ego4d_nlq import nlq_content, nlq_problems
from internvideo_pl.submissions.submission import Submission
from internvideo_pl.text.tokenizer import ClipTokenizer


class SpanLocalization(VideoModule):
    """Trains and tests a `SpanHead` on queries; the text tower, frozen, gives their words.

    Args:
        objective: The losses around the head.
        tower: Token ids to features of words.
        optimisation: See `VideoModule`.
    """

    objective: Spans
    queries: LanguageQueries

    def __init__(self, objective: Spans, tower: TextTower, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.tower = tower.requires_grad_(False).eval()
        self.tokenizer = ClipTokenizer(tower.config.vocab_size, tower.config.context_length)

    @property
    def model(self) -> SpanHead:
        """The head."""
        model: Any = self.objective.model
        return model

    def train(self, mode: bool = True) -> "SpanLocalization":
        """As always, but the text tower stays as it is tested."""
        super().train(mode)
        self.tower.eval()
        return self

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Of a `FeatureBatch`: {"loss", "ends", "highlight"}."""
        words, word_mask = self.words([said["query"] for said in batch.annotations])
        lengths = batch.mask.sum(1).tolist()
        spans = [
            nearest_span(tuple(said["window"]), length, duration)
            for said, length, duration in zip(batch.annotations, lengths, batch.durations, strict=True)
        ]
        self._check_width(batch)
        span = torch.tensor(spans, device=batch.features.device)
        return self.objective(batch.features, batch.mask, words, word_mask, span)

    @torch.no_grad()
    def words(self, questions: list[str]) -> tuple[Tensor, Tensor]:
        """Features (B, L, W) of every word and which are words, bool (B, L); L is the longest question's."""
        ids = self.tokenizer(questions)
        last = end_positions(ids)
        ids = ids[:, : min(int(last.max()) + 1, self.model.config.max_words)]
        known = torch.arange(ids.shape[1]) <= last[:, None]
        return self.tower(ids.to(self.device)).tokens, known.to(self.device)

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test list."""
        self.queries = LanguageQueries(self.data.split("test").official)

    def test_step(self, batch: FeatureBatch, batch_idx: int) -> None:
        """Keeps five windows of each query."""
        if not len(batch):
            return
        self._check_width(batch)
        words, word_mask = self.words([said["query"] for said in batch.annotations])
        spans = best_spans(self.model(batch.features, batch.mask, words, word_mask), WINDOWS).double().cpu()
        unit = torch.tensor(batch.durations, dtype=torch.float64) / batch.mask.sum(1).cpu()  # seconds of a place
        windows = torch.stack([spans[..., 0], spans[..., 1] + 1], dim=-1) * unit[:, None, None]
        truth = torch.tensor([said["window"] or (0.0, 0.0) for said in batch.annotations], dtype=torch.float64)
        self.queries.update(windows, truth, batch.index.cpu())

    def on_test_epoch_end(self) -> None:
        """The server's file, and the outcome where the list has times."""
        figures = self.queries.compute()
        split, data = self.data.split("test"), self.data
        content = nlq_content((split.samples[i].annotation, times) for i, times in sorted(self.queries.times.items()))
        never = set(data.unanswerable()) if hasattr(data, "unanswerable") else set()
        keys = [key for key in [*(sample.key for sample in split.samples), *split.missing] if key not in never]
        self.submission = Submission(content, tuple(nlq_problems(content, keys)))
        if all(sample.annotation["window"] is None for sample in split.samples):
            return
        self.finish(
            Outcome(
                task="ego4d_natural_language_queries",
                metrics=figures,
                headline=HEADLINE,
                chance=self._constant(),
                protocol={"windows": WINDOWS, "queries": "answered"},
                intervals=self.queries.intervals(self.videos_of_test),
            )
        )

    def _constant(self) -> dict[str, float]:
        """The recalls of the best constant windows: those of the training list, for every query."""
        try:
            trained, duration = self._listed("train")
        except UserError:  # who only evaluates may have no training list
            return {}
        truth, clips = self._listed("test")
        guess = constant_windows(trained, duration)[None] * clips[:, None, None]
        return recalls(overlap(guess, truth[:, None]))

    def _listed(self, split: str) -> tuple[Tensor, Tensor]:
        """Windows (N, 2) and lengths of clips (N,) of a list, seconds."""
        said = [sample.annotation for sample in self.data.split(split).samples]
        window, duration = [each["window"] for each in said], [each["duration"] for each in said]
        return torch.tensor(window, dtype=torch.float64), torch.tensor(duration, dtype=torch.float64)

    def _check_width(self, batch: FeatureBatch) -> None:
        if batch.features.shape[1] != self.model.feature_width:
            width = self.model.feature_width
            raise UserError(
                f"the features are {batch.features.shape[1]} wide, not objective.width={width}: set it to theirs"
            )

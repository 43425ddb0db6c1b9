"""Written captions over a whole test set: CIDEr-D, BLEU-4 and ROUGE-L.

Captions are kept as token ids by video number, so that padding repeats count once and processes may see uneven shares.

Shape legend: B batch, L longest caption in tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.text import rouge_score
from torchmetrics.text import BLEUScore

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures, bootstrap_mean
from internvideo_pl.metrics.cider import cider_d, words_of
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

ROUGE = "rougeL_fmeasure"
BLEU_SUMS = ("numerator", "denominator", "preds_len", "target_len")  # what torchmetrics adds up over captions


@dataclass(frozen=True)
class Scores:
    """What every caption of a test set contributes to its figures.

    Attributes:
        cider: float64 (N,), CIDEr-D in percent.
        rouge: float64 (N,), ROUGE-L in percent.
        bleu: float64 (N, 10): n-grams found and written for n of 1 to 4, the caption's length and its reference's.
    """

    cider: Tensor
    rouge: Tensor
    bleu: Tensor

    @classmethod
    def of(cls, candidates: Sequence[str], references: Sequence[Sequence[str]]) -> "Scores":
        """Score captions; arguments as for `caption_figures`."""
        said = [" ".join(words_of(caption)) for caption in candidates]
        true = [[" ".join(words_of(caption)) for caption in own] for own in references]
        rouge = [_rouge(caption, own) for caption, own in zip(said, true, strict=True)]
        return cls(
            cider=100 * torch.tensor(cider_d(candidates, references), dtype=torch.float64),
            rouge=100 * torch.tensor(rouge, dtype=torch.float64),
            bleu=torch.stack([_bleu_sums(caption, own) for caption, own in zip(said, true, strict=True)]),
        )

    def figures(self) -> dict[str, float]:
        """See `caption_figures`."""
        cider, rouge = self.cider.mean().item(), self.rouge.mean().item()
        return {"CIDEr-D": cider, "BLEU-4": _bleu(self.bleu.sum(0)), "ROUGE-L": rouge}

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of all three over other videos; how frequent words are is held fast."""

        def bleu(times: NDArray[np.int64]) -> dict[str, float]:
            return {"BLEU-4": _bleu(torch.from_numpy(times).double() @ self.bleu)}

        means = {"CIDEr-D": bootstrap_mean(self.cider), "ROUGE-L": bootstrap_mean(self.rouge)}
        known = {name: interval for name, interval in means.items() if interval is not None}
        return known | bootstrap_figures(bleu, len(self.bleu))


def caption_figures(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """`CIDEr-D`, `BLEU-4` (of the whole set, no smoothing) and `ROUGE-L` (F1 with the best reference), in percent.

    All three read the same words, those of `cider.words_of`.

    Args:
        candidates: One caption a video.
        references: At least one caption of each by people.
    """
    return Scores.of(candidates, references).figures()


def _rouge(caption: str, references: list[str]) -> float:
    # its own normalizer would take away every letter that is not of a to z, accents among them
    score = rouge_score(
        [caption], [references], accumulate="best", normalizer=str, tokenizer=str.split, rouge_keys="rougeL"
    )
    return float(score[ROUGE])


def _bleu_sums(caption: str, references: list[str]) -> Tensor:
    metric = BLEUScore(n_gram=4)
    metric.update([caption], [references])
    return torch.cat([getattr(metric, name).reshape(-1) for name in BLEU_SUMS]).double()


def _bleu(sums: Tensor) -> float:
    metric = BLEUScore(n_gram=4)
    metric.update([], [])  # sums are set below, of captions that were scored one by one
    for name, value in zip(BLEU_SUMS, sums.split([4, 4, 1, 1]), strict=True):
        setattr(metric, name, value.reshape(getattr(metric, name).shape))
    return 100 * metric.compute().item()


class Captions(SampleMetric):
    """Figures of captions that a model wrote."""

    def __init__(
        self, length: int, decode: Callable[[Tensor], str], references: Sequence[Sequence[str]], **kwargs: Any
    ):
        """Prepare for a test list.

        Args:
            length: Longest caption in tokens.
            decode: Token ids (L,) -> text.
            references: Captions by people, of every video of the test list by number.
            kwargs: Passed to `torchmetrics.Metric`.
        """
        super().__init__(**kwargs)
        self.length, self.decode, self.references = length, decode, references
        self.intervals: dict[str, Interval] = {}  # over other videos, words' frequencies held fast; after `compute`
        self.add_rows("ids", (length,), torch.int64)
        self.add_rows("key", (), torch.int64)

    def update(self, ids: Tensor, index: Tensor) -> None:
        """Add captions, int64 (B, at most L) padded with 0, of the videos of numbers int64 (B,)."""
        self.append(ids=F.pad(ids, (0, self.length - ids.shape[1])), key=index)

    def captions(self) -> dict[int, str]:
        """Each video's caption by its number."""
        key = self.rows("key")
        first = first_of_each(key)
        return {int(number): self.decode(ids) for number, ids in zip(key[first], self.rows("ids")[first], strict=True)}

    def compute(self) -> dict[str, float]:
        """See `caption_figures`; document frequencies are taken over the videos that were described.

        Raises:
            UserError: No video was described.
        """
        written = self.captions()
        if not written:
            raise UserError("No test video was described: check that the test list's videos are there and decode.")
        candidates, references = list(written.values()), [self.references[number] for number in written]
        scores = Scores.of(candidates, references)
        self.intervals = scores.intervals()
        return scores.figures()

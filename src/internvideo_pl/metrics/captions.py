"""Written captions over a whole test set: CIDEr-D, BLEU-4 and ROUGE-L.

Captions are kept as token ids by video number, so that padding repeats count once and processes may see uneven shares.

Shape legend: B batch, L longest caption in tokens.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.text import bleu_score, rouge_score

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_mean
from internvideo_pl.metrics.cider import cider_d, words_of
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

ROUGE = "rougeL_fmeasure"


def caption_figures(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """`CIDEr-D`, `BLEU-4` (of the whole set, no smoothing) and `ROUGE-L` (F1 with the best reference), in percent.

    All three read the same words, those of `cider.words_of`.

    Args:
        candidates: One caption a video.
        references: At least one caption of each by people.
    """
    return _figures(cider_d(candidates, references), candidates, references)


def _figures(scores: list[float], candidates: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """`caption_figures` from every video's CIDEr-D."""
    said = [" ".join(words_of(caption)) for caption in candidates]
    true = [[" ".join(words_of(caption)) for caption in own] for own in references]
    # its own normalizer would take away every letter that is not of a to z, accents among them
    rouge = rouge_score(said, true, accumulate="best", normalizer=str, tokenizer=str.split, rouge_keys="rougeL")
    return {
        "CIDEr-D": 100 * sum(scores) / len(scores),
        "BLEU-4": 100 * bleu_score(said, true, n_gram=4).item(),
        "ROUGE-L": 100 * rouge[ROUGE].item(),
    }


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
        scores = cider_d(candidates, references)
        interval = bootstrap_mean(100 * torch.tensor(scores, dtype=torch.float64))
        self.intervals = {} if interval is None else {"CIDEr-D": interval}
        return _figures(scores, candidates, references)

"""Text-video retrieval over a whole test set, from features that arrive in batches and processes.

Shape legend: B batch, D embedding width.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.blocks import Counts, blocked_counts, counted_figures
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_mean
from internvideo_pl.metrics.ranking import RECALL_AT
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

SHOWN, BEST = 6, 5  # queries that are kept to be shown, and how many of their best videos
REFERENCE_TIES = "compat"  # figures by the reference's rule stand beside ours, under its name


@dataclass(frozen=True)
class Answer:
    """What a query found.

    Attributes:
        owner: Number of the right video.
        text: Number of the text, as it was given.
        best: Numbers of the videos that score highest, the best first.
    """

    owner: int
    text: int
    best: tuple[int, ...]


class Retrieval(SampleMetric):
    """Retrieval figures over a whole test set, raw and with dual softmax, from features that arrive in batches.

    Features are kept by number, so that padding repeats count once and processes may see uneven shares. After
    `compute`, `missing` holds the numbers of the official videos that were not ranked, for want of the video or of
    every text, `intervals` the 95 % interval of every recall over other queries of the same gallery, and `answers` a
    few queries from all over the set with what they found.
    """

    def __init__(
        self,
        embed_dim: int,
        official: int,
        official_texts: int | None = None,
        scale: float = 1.0,
        ties: str = "expected",
        **kwargs: Any,
    ):
        """Prepare for a test set.

        Args:
            embed_dim: columns of the features.
            official: number of test videos; they are numbered 0 to `official` - 1.
            official_texts: number of test captions of a multi-caption set; None when text i belongs to video i.
            scale: what multiplies the cosines (the exponential of the model's logit scale; 100 in a trained CLIP).
            ties: one of `TIES`.
            kwargs: passed to `torchmetrics.Metric`.
        """
        super().__init__(**kwargs)
        self.official, self.official_texts = official, official_texts
        self.scale, self.ties = scale, ties
        self.missing: list[int] = []
        self.answers: list[Answer] = []
        self.intervals: dict[str, Interval] = {}
        self.add_rows("video", (embed_dim,), torch.float32)
        self.add_rows("video_index", (), torch.int64)
        self.add_rows("text", (embed_dim,), torch.float32)
        self.add_rows("text_key", (2,), torch.int64)

    def update(
        self, index: Tensor, video: Tensor | None = None, text: Tensor | None = None, owner: Tensor | None = None
    ) -> None:
        """Add a batch of videos, of texts, or of pairs.

        Args:
            index: int64 (B,), the number of each video or text (of both, for pairs).
            video: features (B, D), or None.
            text: features (B, D), or None.
            owner: int64 (B,), the number of the video of each text; None when text i belongs to video i.
        """
        if video is not None:
            self.append(video=video, video_index=index)
        if text is not None:
            self.append(text=text, text_key=torch.stack([index if owner is None else owner, index], dim=1))

    def compute(self) -> dict[str, float]:
        """The names of `ranking.figures`, raw (`t2v/R@1`) and with dual softmax (`dsl/t2v/R@1`).

        The same by the reference's tie rule have its name in front (`compat/dsl/t2v/R@1`).

        Where videos are missing, each recall has its bounds beside it (`t2v/R@1/low` and `/high`): the missing queries
        counted as wrong, then as right. A smaller gallery is also easier; the bounds do not hold that in.

        Raises:
            UserError: nothing to rank, or features that are not finite.
        """
        key = self.rows("text_key")
        text, owner = self.rows("text"), key[:, 0]
        number, video = self.rows("video_index"), self.rows("video")
        keep, keep_text = first_of_each(number), first_of_each(key)  # sorted by number; by owner, then number
        number, video, owner, text = number[keep], video[keep], owner[keep_text], text[keep_text]
        paired, paired_text = torch.isin(number, owner), torch.isin(owner, number)
        number, video, owner, text = number[paired], video[paired], owner[paired_text], text[paired_text]
        if not len(number):
            raise UserError(
                "No pair of a video and its text was evaluated: check the test split and that its files decode."
            )
        self.missing = sorted(set(range(self.official)) - set(number.tolist()))
        multi = self.official_texts is not None
        assert multi or len(owner) == len(number), "several texts for a video: pass official_texts"
        columns = torch.searchsorted(number, owner) if multi else None
        counted = blocked_counts(text, video, columns, self.scale)
        result = counted_figures(counted, many=multi, ties=self.ties)
        if self.ties != REFERENCE_TIES:
            theirs = counted_figures(counted, many=multi, ties=REFERENCE_TIES)
            result |= {f"{REFERENCE_TIES}/{name}": value for name, value in theirs.items()}
        self.intervals = self._intervals(counted, owner)
        self.answers = _answers(text, video, number, key[keep_text][paired_text])
        return {**result, **self._bounds(result, texts=len(text), videos=len(number))}

    def _intervals(self, counted: dict[str, Counts], owner: Tensor) -> dict[str, Interval]:
        """Of every recall, a video's captions drawn together; none for `compat`, which has more ranks than queries."""
        found = {}
        for way, counts in counted.items() if self.ties != "compat" else ():
            video = owner if way.endswith("t2v") else None
            for k in RECALL_AT:  # expected over the orders of equal scores
                hits = ((k - counts.above).double() / (counts.equal + 1)).clamp(0, 1)
                others = counts.equal if self.ties == "pessimistic" else 0
                hits = hits if self.ties == "expected" else (counts.above + others < k).double()
                found[f"{way}/R@{k}"] = bootstrap_mean(100.0 * hits, video, right=100.0)
        return {name: interval for name, interval in found.items() if interval is not None}

    def _bounds(self, result: dict[str, float], texts: int, videos: int) -> dict[str, float]:
        """Bounds of every recall; nothing where all queries were there."""
        bounds = {}
        for name, value in result.items():
            used, total = (videos, self.official) if "v2t/" in name else (texts, self.official_texts or self.official)
            if "/R@" in name and used < total:
                bounds[f"{name}/low"] = value * used / total
                bounds[f"{name}/high"] = (value * used + 100.0 * (total - used)) / total
        return bounds


def _answers(text: Tensor, video: Tensor, number: Tensor, key: Tensor) -> list[Answer]:
    """Answers to `SHOWN` queries, evenly spread over the texts: (Q, D), (V, D), (V,), (Q, 2)."""
    rows = torch.linspace(0, len(text) - 1, min(SHOWN, len(text)), device=text.device).long()
    scores = F.normalize(text[rows], dim=-1) @ F.normalize(video, dim=-1).T
    best = number[scores.topk(min(BEST, len(video))).indices]  # (SHOWN, BEST)
    found = zip(key[rows].tolist(), best.tolist(), strict=True)
    return [Answer(owner, name, tuple(videos)) for (owner, name), videos in found]

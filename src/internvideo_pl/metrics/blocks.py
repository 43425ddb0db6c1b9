"""Ranking figures of retrieval without the matrix of scores: the same numbers as `ranking.figures`, block by block.

Two sweeps over the products: one for what dual softmax divides by, one that counts how many items score above each
right one. Memory is that of the features and a few blocks, whatever the size of the set: a million videos against a
hundred thousand texts would be a matrix of 400 GB.

Every block is padded to one shape. A product then rounds the same way wherever it stands, so that equal features keep
equal scores, and ties are ties, across blocks.

Shape legend: Q texts, V videos, D embedding width, R rows and C columns of a block.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.errors import UserError, hint
from internvideo_pl.metrics.ranking import TIES, rank_figures

ROWS, COLUMNS = 1024, 2048  # a block of 8 MiB; multiples of a vector register, so that no element takes another path


@dataclass
class Counts:
    """Of each query: items that score above the right one, that score the same, and of those the ones before it."""

    above: Tensor
    equal: Tensor
    before: Tensor

    @classmethod
    def of(cls, queries: int, device: torch.device) -> "Counts":
        """Nothing counted yet."""
        return cls(*(torch.zeros(queries, dtype=torch.int64, device=device) for _ in range(3)))


def blocked_figures(
    text: Tensor, video: Tensor, owner: Tensor | None = None, scale: float = 1.0, ties: str = "expected"
) -> dict[str, float]:
    """All figures of a retrieval table, raw and with dual softmax (`dsl/`).

    Args:
        text: (Q, D) features of any length.
        video: (V, D) features of any length.
        owner: int64 (Q,), the video of each text, for a multi-caption set; None when text i belongs to video i. A video
            without a text makes the gallery larger and asks nothing itself.
        scale: What multiplies the cosines.
        ties: One of `TIES`.

    Returns:
        The names of `ranking.figures`, each once raw and once below `dsl/`.

    Raises:
        UserError: A feature is not finite, or `ties` is unknown.
    """
    return counted_figures(blocked_counts(text, video, owner, scale), many=owner is not None, ties=ties)


def counted_figures(counted: dict[str, Counts], many: bool, ties: str) -> dict[str, float]:
    """The figures of what `blocked_counts` counted; `many` for a multi-caption set.

    Raises:
        UserError: `ties` is unknown.
    """
    if ties not in TIES:
        raise UserError(f"Unknown tie rule {ties!r} for retrieval.{hint(ties, TIES)}")
    named: dict[str, float] = {}
    for way, counts in counted.items():
        before = counts.before if many and way.endswith("t2v") else None
        found = rank_figures(counts.above, counts.equal, before, ties)
        named |= {f"{way}/{name}": value for name, value in found.items()}
    return named


def blocked_counts(text: Tensor, video: Tensor, owner: Tensor | None = None, scale: float = 1.0) -> dict[str, Counts]:
    """What figures and their intervals are made of: of every query, how many items stand above the right one.

    Args and errors are those of `blocked_figures`.

    Returns:
        "t2v" (Q queries), "v2t" (a query for each video with a text, in their order), and both below "dsl/".
    """
    if not (text.isfinite().all() and video.isfinite().all()):
        raise UserError(
            "The retrieval features are not finite numbers; load a checkpoint from before the model diverged."
        )
    many = owner is not None
    own = torch.arange(len(video), device=video.device) if owner is None else owner
    assert many or len(text) == len(video), "a single-caption set has as many texts as videos"
    order = own.argsort(stable=True)  # captions of one video stand together, and so in one block
    ranking = _Ranking(text[order], video, own[order], scale, many)
    named: dict[str, Counts] = {}
    captioned = own.unique()
    for variant, (to_video, to_text) in ranking.counts().items():
        back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
        to_video = Counts(to_video.above[back], to_video.equal[back], to_video.before[back])
        to_text = Counts(to_text.above[captioned], to_text.equal[captioned], to_text.before[captioned])
        named |= {f"{variant}t2v": to_video, f"{variant}v2t": to_text}
    return named


class _Ranking:
    """The sweeps over the products of texts, which are sorted by their video, and videos."""

    def __init__(self, text: Tensor, video: Tensor, owner: Tensor, scale: float, many: bool):
        self.text = scale * F.normalize(text.float(), dim=-1)
        self.video = F.normalize(video.float(), dim=-1)
        self.owner, self.many = owner, many
        self.rows = list(_row_blocks(owner))
        self.columns = [(first, min(first + COLUMNS, len(video))) for first in range(0, len(video), COLUMNS)]

    def counts(self) -> dict[str, tuple[Counts, Counts]]:
        """Variant ("" or "dsl/") to what was counted for texts and for videos."""
        over_texts, over_videos = self._normalisers()
        right = {name: self._right(name, over_texts, over_videos) for name in ("", "dsl/")}
        device = self.video.device
        found = {name: (Counts.of(len(self.text), device), Counts.of(len(self.video), device)) for name in ("", "dsl/")}
        for rows, columns in self._blocks():
            scores = self._scores(rows, columns)
            for name, (to_video, to_text) in found.items():
                by_text, by_video = self._variant(name, scores, over_texts[slice(*columns)], over_videos[slice(*rows)])
                targets = self.owner[slice(*rows)] - columns[0]
                _count(to_video, rows, by_text, right[name][0][slice(*rows)], targets)
                best, owners = self._by_owner(by_video, rows)
                here = torch.arange(*columns, device=device)
                _count(to_text, columns, best.T, right[name][1][slice(*columns)], _place(owners, here))
        return found

    def _normalisers(self) -> tuple[Tensor, Tensor]:
        """log sum exp of every video's scores over all texts (V,), and of every text's over all videos (Q,)."""
        over_texts = torch.full((len(self.video),), -torch.inf, device=self.video.device)
        over_videos = torch.full((len(self.text),), -torch.inf, device=self.video.device)
        for rows, columns in self._blocks():
            scores = self._scores(rows, columns)
            at, of = slice(*columns), slice(*rows)
            over_texts[at] = torch.logaddexp(over_texts[at], scores.logsumexp(0))
            over_videos[of] = torch.logaddexp(over_videos[of], scores.logsumexp(1))
        return over_texts, over_videos

    def _right(self, name: str, over_texts: Tensor, over_videos: Tensor) -> tuple[Tensor, Tensor]:
        """Score of every text with its video (Q,), and the best one of every video with its texts (V,)."""
        of_text = torch.empty(len(self.text), device=self.video.device)
        of_video = torch.full((len(self.video),), -torch.inf, device=self.video.device)
        for rows, columns in self._blocks():
            owners = self.owner[slice(*rows)]
            inside = ((owners >= columns[0]) & (owners < columns[1])).nonzero()[:, 0]
            if not len(inside):
                continue
            scores = self._scores(rows, columns)
            by_text, by_video = self._variant(name, scores, over_texts[slice(*columns)], over_videos[slice(*rows)])
            where = owners[inside] - columns[0]
            of_text[rows[0] + inside] = by_text[inside, where]
            of_video.scatter_reduce_(0, owners[inside], by_video[inside, where], "amax")
        return of_text, of_video

    def _variant(self, name: str, scores: Tensor, over_texts: Tensor, over_videos: Tensor) -> tuple[Tensor, Tensor]:
        """Scores as texts rank videos by them, and as videos rank texts; several captions have one matrix for both."""
        if not name:
            return scores, scores
        by_text = scores * (scores - over_texts).exp()
        return by_text, by_text if self.many else scores * (scores - over_videos[:, None]).exp()

    def _by_owner(self, scores: Tensor, rows: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The best of each video's captions in the block, and those videos' numbers, rising."""
        owners, local = self.owner[slice(*rows)].unique_consecutive(return_inverse=True)
        if len(owners) == len(scores):
            return scores, owners
        lowest = scores.new_full((len(owners), scores.shape[1]), -torch.inf)
        return lowest.scatter_reduce(0, local[:, None].expand_as(scores), scores, "amax"), owners

    def _blocks(self) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        return ((rows, columns) for rows in self.rows for columns in self.columns)

    def _scores(self, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
        """The block's products, computed in the one shape and cut to what is there."""
        text, video = self.text[slice(*rows)], self.video[slice(*columns)]
        height = max(ROWS, len(text))  # a video with more captions than a block has rows makes its own
        product = F.pad(text, (0, 0, 0, height - len(text))) @ F.pad(video, (0, 0, 0, COLUMNS - len(video))).T
        return product[: len(text), : len(video)]


def _place(known: Tensor, values: Tensor) -> Tensor:
    """Where each value stands in the rising `known`; -1 where it does not."""
    place = torch.searchsorted(known, values).clamp(max=len(known) - 1)
    return torch.where(known[place] == values, place, -1)


def _row_blocks(owner: Tensor) -> Iterator[tuple[int, int]]:
    """(first, end) of blocks of at most ROWS sorted texts that never part the captions of a video."""
    ends = torch.unique_consecutive(owner, return_counts=True)[1].cumsum(0).tolist()
    first = last = 0
    for end in ends:
        if end - first > ROWS and last > first:
            yield first, last
            first = last
        last = end
    yield first, last


def _count(counts: Counts, span: tuple[int, int], scores: Tensor, right: Tensor, target: Tensor) -> None:
    """Add what a block (queries, items) says of the queries in `span`; `target` is where the right item would stand."""
    where = slice(*span)
    counts.above[where] += (scores > right[:, None]).sum(1)
    same = scores == right[:, None]
    place = torch.arange(scores.shape[1], device=scores.device)
    counts.equal[where] += (same & (place != target[:, None])).sum(1)
    counts.before[where] += (same & (place < target[:, None])).sum(1)

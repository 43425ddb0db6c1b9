"""From features over time and a query's words to the stretch that answers it: a head after VSLNet.

Shapes: B batch, C feature width, W word width, T places, L words, D width, K spans.
Source: VSLNet (arXiv 2004.13931) as Ego4D's baseline sets it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from internvideo_pl.errors import UserError
from internvideo_pl.heads.span_layers import EPS, QueryAttention, QueryJoin, RowEncoder


@dataclass(kw_only=True)
class SpanHeadConfig:
    """Sizes, those of Ego4D's baseline.

    Attributes:
        width: D.
        heads: Attention heads.
        max_len: Most places; longer rows are averaged down to it before.
        max_words: Most words.
        dropout: Rate everywhere.
    """

    width: int = 128
    heads: int = 8
    max_len: int = 128
    max_words: int = 77
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: The width is not a multiple of the heads, or a number is below 1.
        """
        if min(self.width, self.heads, self.max_len, self.max_words) < 1 or self.width % self.heads:
            raise UserError(
                f"objective.head: width={self.width} must be a multiple of heads={self.heads}, all at least 1"
            )


class SpanScores(NamedTuple):
    """What the head says of every place.

    Attributes:
        highlight: (B, T) logits of lying in the stretch or near it.
        start: (B, T) logits of being its first place; minus infinity where padded.
        end: (B, T) of being its last.
    """

    highlight: Tensor
    start: Tensor
    end: Tensor


class SpanHead(nn.Module):
    """Encodes features and words alike, lets them meet, dims what the query does not mean, and points at both ends.

    Args:
        feature_width: C.
        word_width: W.
        config: Sizes.
    """

    def __init__(self, feature_width: int, word_width: int, config: SpanHeadConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.feature_width = feature_width
        self.drop = nn.Dropout(config.dropout)
        self.feature_proj = nn.Linear(feature_width, width)
        self.word_proj = nn.Linear(word_width, width)
        longest = max(config.max_len, config.max_words)
        self.encoder = RowEncoder(width, config.heads, longest, config.dropout)
        self.attention = QueryAttention(width, config.dropout)
        self.join = QueryJoin(width)
        self.highlight = nn.Linear(width, 1)
        self.pointer = RowEncoder(width, config.heads, config.max_len, config.dropout)
        self.start_norm, self.end_norm = nn.LayerNorm(width, eps=EPS), nn.LayerNorm(width, eps=EPS)
        self.start, self.end = _pointing(width), _pointing(width)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, features: Tensor, mask: Tensor, words: Tensor, word_mask: Tensor) -> SpanScores:
        """Scores of every place.

        Args:
            features: (B, C, T).
            mask: bool (B, T), false where padded.
            words: (B, L, W).
            word_mask: bool (B, L), false where padded.
        """
        row = self.encoder(self.feature_proj(self.drop(features.transpose(1, 2))), mask)  # (B, T, D)
        said = self.encoder(self.word_proj(words), word_mask)  # (B, L, D)
        row = self.join(self.attention(row, said, mask, word_mask), said, word_mask)
        highlight = self.highlight(row)  # (B, T, 1)
        row = row * highlight.masked_fill(~mask[..., None], float("-inf")).sigmoid()
        first = self.pointer(row, mask)
        last = self.pointer(first, mask)
        start = self.start(torch.cat([self.start_norm(first), row], dim=-1))[..., 0]
        end = self.end(torch.cat([self.end_norm(last), row], dim=-1))[..., 0]
        return SpanScores(
            highlight[..., 0], start.masked_fill(~mask, float("-inf")), end.masked_fill(~mask, float("-inf"))
        )


def _pointing(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))


def best_spans(scores: SpanScores, count: int) -> Tensor:
    """The likeliest pairs of a first and a last place, most likely first.

    As in Ego4D's baseline nothing is suppressed: near spans may all be among them. Where a row has fewer pairs, the
    last ones repeat the likeliest.

    Returns:
        int64 (B, K, 2), the first never behind the last.
    """
    pairs = scores.start.softmax(-1)[..., None] * scores.end.softmax(-1)[:, None]  # (B, T, T)
    places = pairs.shape[-1]
    known = scores.start.isfinite()
    allowed = (
        torch.ones(places, places, dtype=torch.bool, device=pairs.device).triu() & known[:, None] & known[..., None]
    )
    flat = pairs.masked_fill(~allowed, -1.0).flatten(1)
    best, where = flat.topk(min(count, flat.shape[1]), dim=-1)
    where = torch.where(best < 0, where[:, :1], where)
    where = torch.cat([where, where[:, :1].expand(-1, count - where.shape[1])], dim=1)
    return torch.stack([where // places, where % places], dim=-1)

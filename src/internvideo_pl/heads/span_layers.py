"""Layers of the span head: how a row of features is encoded, and how a query's words meet it.

Shapes: B batch, T places of a row, L words, D width.
Source: VSLNet (arXiv 2004.13931), section 3.2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL, CONVOLUTIONS = 7, 4  # VSLNet, section 4.2: four depthwise separable convolutions of kernel 7
EPS = 1e-6


class RowEncoder(nn.Module):
    """Learned positions, depthwise separable convolutions with residuals, then self-attention with one linear layer.

    Args:
        width: D.
        heads: Of the attention.
        longest: Places that have a position.
        dropout: Rate everywhere.
    """

    def __init__(self, width: int, heads: int, longest: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.positions = nn.Embedding(longest, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=EPS) for _ in range(CONVOLUTIONS))
        self.convolutions = nn.ModuleList(_separable(width) for _ in range(CONVOLUTIONS))
        self.before, self.after = nn.LayerNorm(width, eps=EPS), nn.LayerNorm(width, eps=EPS)
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, row: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D) with bool (B, T) -> (B, T, D)."""
        row = row + self.positions.weight[: row.shape[1]]
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            shown = norm(row).masked_fill(~mask[..., None], 0.0)  # padding must not reach its neighbours
            row = row + self.dropout(convolution(shown.transpose(1, 2))).transpose(1, 2)
        row = row + self.dropout(self._attended(self.dropout(self.before(row)), mask))
        return row + self.dropout(self.out_proj(self.dropout(self.after(row))))

    def _attended(self, row: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            self.in_proj(row).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # (3, B, H, T, D / H)
        rate = self.dropout.p if self.training else 0.0
        met = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None], dropout_p=rate)
        return met.transpose(1, 2).flatten(2)


def _separable(width: int) -> nn.Sequential:
    depthwise = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width, bias=False)
    return nn.Sequential(depthwise, nn.Conv1d(width, width, 1), nn.ReLU())


class QueryAttention(nn.Module):
    """Context-query attention: every place with the words that it is like, and with the places that those are like.

    Args:
        width: D.
        dropout: Rate before the similarity.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.of_place = nn.Parameter(torch.empty(width, 1))
        self.of_word = nn.Parameter(torch.empty(width, 1))
        self.of_both = nn.Parameter(torch.empty(1, width))
        for weight in (self.of_place, self.of_word, self.of_both):
            nn.init.xavier_uniform_(weight)
        self.out_proj = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, row: Tensor, words: Tensor, mask: Tensor, word_mask: Tensor) -> Tensor:
        """Places (B, T, D) and words (B, L, D) with their bool masks -> (B, T, D)."""
        places, said = self.dropout(row), self.dropout(words)
        like = places @ self.of_place + (said @ self.of_word).transpose(1, 2)  # (B, T, L)
        like = like + (places * self.of_both) @ said.transpose(1, 2)
        over_words = like.masked_fill(~word_mask[:, None], float("-inf")).softmax(-1)
        over_places = like.masked_fill(~mask[..., None], float("-inf")).softmax(1)
        to_query = over_words @ words  # (B, T, D)
        to_places = over_words @ (over_places.transpose(1, 2) @ row)  # (B, T, D)
        return self.out_proj(torch.cat([row, to_query, row * to_query, row * to_places], dim=-1))


class QueryJoin(nn.Module):
    """Lays one vector of the whole query beside every place.

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Linear(width, 1, bias=False)
        self.out_proj = nn.Linear(2 * width, width)

    def forward(self, row: Tensor, words: Tensor, word_mask: Tensor) -> Tensor:
        """(B, T, D), (B, L, D), bool (B, L) -> (B, T, D)."""
        share = self.weight(words).masked_fill(~word_mask[..., None], float("-inf")).softmax(1)
        query = (share * words).sum(1, keepdim=True)  # (B, 1, D)
        return self.out_proj(torch.cat([row, query.expand_as(row)], dim=-1))

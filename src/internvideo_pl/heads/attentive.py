"""The attentive probe: one learned query reads a frozen backbone's tokens.

Shapes: B batch, N tokens, D width, H heads, K classes.
Sources: the attentive pooler of CoCa (arXiv 2205.01917), as V-JEPA (arXiv 2404.08471, section 3) probes frozen video
backbones with it: cross-attention, then a residual feed-forward, then a linear layer.
"""

from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.attention import attend
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import HEAD_STD

FF_RATIO = 4


class AttentiveHead(nn.Module):
    """Tokens to class scores.

    Args:
        width: D.
        num_classes: K.
        heads: H.

    Raises:
        UserError: D is not a multiple of H.
    """

    def __init__(self, width: int, num_classes: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise UserError(f"objective.head.heads={heads} must divide the backbone's width {width}.")
        self.heads = heads
        self.query = nn.Parameter(torch.zeros(1, 1, width))
        self.norm, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.to_q, self.to_out = nn.Linear(width, width), nn.Linear(width, width)
        self.to_kv = nn.Linear(width, 2 * width)
        self.ff = nn.Sequential(nn.Linear(width, FF_RATIO * width), nn.GELU(), nn.Linear(FF_RATIO * width, width))
        self.linear = nn.Linear(width, num_classes)
        nn.init.trunc_normal_(self.query, std=HEAD_STD)
        nn.init.trunc_normal_(self.linear.weight, std=HEAD_STD)
        nn.init.zeros_(self.linear.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> logits (B, K)."""
        query = self.to_q(self.query).expand(len(tokens), -1, -1)  # (B, 1, D)
        key, value = self.to_kv(self.norm(tokens)).chunk(2, dim=-1)  # (B, N, D)
        read = attend(self._split(query), self._split(key), self._split(value))  # (B, H, 1, d)
        read = read.transpose(1, 2).flatten(2)  # (B, 1, D)
        pooled = self.query + self.to_out(read)
        pooled = pooled + self.ff(self.norm2(pooled))
        return self.linear(self.norm3(pooled[:, 0]))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class AttentiveClassifier(nn.Module):
    """A backbone and an attentive probe on its tokens.

    Args:
        backbone: Any video backbone.
        num_classes: K.
        heads: H.
    """

    def __init__(self, backbone: Any, num_classes: int, heads: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input
        self.head = AttentiveHead(backbone.embed_dim, num_classes, heads)

    def forward(self, video: Tensor) -> Tensor:
        """Prepared clip (B, 3, T, H, W) -> logits (B, K)."""
        return self.head(self.backbone(video).tokens)

"""From a clip to where both hands will be in five frames to come.

Shapes: B batch, N tokens, D width, M = 5 frames, two hands, two coordinates.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

MOMENTS = 5
HEAD_STD = 0.02


@dataclass(kw_only=True)
class HandHeadConfig:
    """A linear regression.

    Attributes:
        dropout: Rate before the linear layer.
        pool: What it reads: "mean", the backbone's pooled feature, as in InternVideo's report, or "places", beside
            it for each of the ten positions a weighted mean over the tokens and over where in the picture they lie,
            which finds hands in few steps.
    """

    dropout: float = 0.0
    pool: Literal["mean", "places"] = "mean"


class HandForecaster(nn.Module):
    """A backbone and a regression of ten positions, in pixels of the annotated frames.

    What is learned is the difference from `offset`, in units of `scale`: both come from the training list, so that
    the weights do not depend on how large the annotated frames are.

    Args:
        backbone: Any video backbone.
        config: The head's.
    """

    offset: Tensor
    scale: Tensor

    def __init__(self, backbone: Any, config: HandHeadConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input
        self.config = config
        width, outputs = backbone.embed_dim, MOMENTS * 2 * 2
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(width, outputs)
        nn.init.trunc_normal_(self.head.weight, std=HEAD_STD)
        nn.init.zeros_(self.head.bias)
        if config.pool == "places":
            self.norm = nn.LayerNorm(width)
            self.attend = nn.Linear(width, MOMENTS * 2)
            self.weight = nn.Parameter(torch.zeros(MOMENTS * 2, width, 2))
            self.stretch = nn.Parameter(torch.ones(MOMENTS * 2, 2))
            nn.init.trunc_normal_(self.weight, std=HEAD_STD)
        self.register_buffer("offset", torch.zeros(MOMENTS, 2, 2))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, video: Tensor) -> Tensor:
        """Prepared clip (B, 3, T, H, W) -> pixels (B, M, 2, 2)."""
        features = self.backbone(video)
        found = self.head(self.dropout(features.pooled)).reshape(-1, MOMENTS * 2, 2)
        if self.config.pool == "places":
            tokens = self.norm(features.tokens)  # (B, N, D)
            share = self.attend(tokens).softmax(dim=1)  # (B, N, 2 M)
            pooled = self.dropout(torch.einsum("bnp,bnd->bpd", share, tokens))  # (B, 2 M, D)
            place = torch.einsum("bnp,nc->bpc", share, places(features.grid, tokens))  # (B, 2 M, 2)
            found = found + torch.einsum("bpd,pdc->bpc", pooled, self.weight) + self.stretch * place
        return self.offset + self.scale * found.reshape(-1, MOMENTS, 2, 2)


def places(grid: tuple[int, int, int], like: Tensor) -> Tensor:
    """Where in the picture each token of a grid (time, height, width) lies: x and y of unit variance, (N, 2)."""
    rows, columns = (
        (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / size * 2 - 1 for size in grid[1:]
    )
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return (torch.stack([x, y], dim=-1) * 3**0.5).flatten(0, 1).repeat(grid[0], 1)

"""From a pooled feature to class scores.

Shapes: B batch, D width, K classes.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.errors import UserError

HEAD_STD = 0.02  # truncated normal: VideoMAE's fine-tuning model file


@dataclass(kw_only=True)
class ClassifyHeadConfig:
    """A linear classifier.

    Attributes:
        dropout: Rate before the linear layer. VideoMAE's ViT-H uses 0.5, smaller sizes 0; UniFormerV2 0.5; the
            coordination 0.9.
        init_scale: Factor on the start weights; 0.001 in VideoMAE's fine-tuning scripts, 1 elsewhere.
        norm: Whether a LayerNorm comes first, as in UniFormerV2.
    """

    dropout: float = 0.0
    init_scale: float = 0.001
    norm: bool = False

    def __post_init__(self) -> None:
        """Refuses an impossible rate.

        Raises:
            UserError: The dropout rate is outside [0, 1).
        """
        if not 0 <= self.dropout < 1:
            raise UserError(f"head dropout={self.dropout} must be at least 0 and below 1.")


class ClassifyHead(nn.Linear):
    """LayerNorm (optional), dropout, linear. Its own parameters are the linear layer's: `weight` and `bias`.

    Args:
        width: D.
        num_classes: K.
        config: Dropout, start scale, LayerNorm.
    """

    def __init__(self, width: int, num_classes: int, config: ClassifyHeadConfig) -> None:
        super().__init__(width, num_classes)
        self.config = config
        self.norm = nn.LayerNorm(width) if config.norm else nn.Identity()
        nn.init.trunc_normal_(self.weight, std=HEAD_STD)
        with torch.no_grad():
            self.weight.mul_(config.init_scale)
        nn.init.zeros_(self.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, D) -> (B, K)."""
        return super().forward(F.dropout(self.norm(pooled), self.config.dropout, self.training))


class Classifier(nn.Module):
    """A backbone and a classifier on its pooled feature.

    Args:
        backbone: Any video backbone.
        num_classes: K.
        head: The classifier's config.
    """

    def __init__(self, backbone: Any, num_classes: int, head: ClassifyHeadConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input
        self.head = ClassifyHead(backbone.embed_dim, num_classes, head)

    def forward(self, video: Tensor) -> Tensor:
        """Prepared clip (B, 3, T, H, W) -> logits (B, K)."""
        return self.head(self.backbone(video).pooled)

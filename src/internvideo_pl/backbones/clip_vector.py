"""One vector a clip, from any backbone: what features over time are made of.

Shapes: B batch, D width of the vector.
"""

from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.coordinate import CoordinatedEncoder
from internvideo_pl.backbones.multimodal import MultimodalEncoder


class ClipVector(nn.Module):
    """A backbone's pooled feature.

    A multimodal encoder gives the vector that is compared with sentences; a coordinated one the masked encoder's pooled
    feature and, beside it, the multimodal class token that has looked at it.

    Args:
        backbone: Any video backbone.
    """

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input

    @property
    def width(self) -> int:
        """D."""
        backbone = self.backbone
        return backbone.embed_dim + (backbone.class_dim if isinstance(backbone, CoordinatedEncoder) else 0)

    def forward(self, video: Any) -> Tensor:
        """A clip as `input.prepare` makes it -> (B, D)."""
        if isinstance(self.backbone, MultimodalEncoder):
            return self.backbone.encode_video(video)
        features = self.backbone(video)
        if isinstance(self.backbone, CoordinatedEncoder):
            return torch.cat([features.pooled, features.class_token], dim=-1)
        return features.pooled

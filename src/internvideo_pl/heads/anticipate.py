"""From a clip's tokens and boxes to what happens to the objects in them next: verb and seconds to contact.

Shapes: B clips, D width, R boxes of all clips, V verbs.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.heads.classify import ClassifyHead, ClassifyHeadConfig
from internvideo_pl.heads.roi import pooled_boxes


class ObjectAnticipator(nn.Module):
    """A video backbone with a verb and a time for every box, from RoIAlign on the tokens' mean over time.

    Args:
        backbone: Any video backbone whose tokens lie on a grid.
        num_verbs: V.
        head: The verbs' classifier.
    """

    def __init__(self, backbone: Any, num_verbs: int, head: ClassifyHeadConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input
        self.verb_head = ClassifyHead(backbone.embed_dim, num_verbs, head)
        self.time_head = ClassifyHead(backbone.embed_dim, 1, head)

    def forward(self, video: Tensor, boxes: Tensor, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Verbs before the softmax and seconds.

        Args:
            video: Prepared clips (B, 3, T, H, W).
            boxes: (R, 4) x1, y1, x2, y2 as shares.
            clip: int64 (R,), the clip of each box.

        Returns:
            (R, V) and (R,), the latter above 0.
        """
        pooled = pooled_boxes(self.backbone(video), boxes, clip)
        return self.verb_head(pooled), F.softplus(self.time_head(pooled))[:, 0]

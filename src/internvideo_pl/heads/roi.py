"""From a clip's tokens and boxes to action scores: mean over time, RoIAlign, max pool, one linear layer.

RoIAlign samples a box at regular points, bilinearly, and averages the points of each bin. A bilinear weight is a
product of one along the rows and one along the columns, and so is the average: a bin is the feature map between two
small matrices. So there is no loop over boxes, bins or points, no compiled extension, and autograd does the rest.

Shapes: B clips, D width, (T, H, W) grid of tokens, R boxes of all clips, S side of a window, P points of a bin,
K actions. Sources: Mask R-CNN (arXiv 1703.06870), torchvision's `roi_align`, and the head of InternVideo's release.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.features import Features
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import ClassifyHead, ClassifyHeadConfig

WINDOW = 7  # bins of a box along each side: InternVideo's release


def roi_align(
    features: Tensor, boxes: Tensor, clip: Tensor, size: int = WINDOW, scale: float = 1.0, points: int = 0
) -> Tensor:
    """Windows of boxes, as torchvision's `roi_align` with `aligned=True`.

    Args:
        features: (B, D, H, W).
        boxes: (R, 4) x1, y1, x2, y2; nothing is learned about them.
        clip: int64 (R,), the clip of each box.
        size: S.
        scale: From the boxes' units to cells of the feature map.
        points: Sampled along each side of a bin; 0 for as many as a bin has cells, rounded up, box by box.

    Returns:
        (R, D, S, S) in the features' type.
    """
    corners = boxes.detach().float() * scale - 0.5  # a cell's value stands at its middle
    rows = _weights(corners[:, 1], corners[:, 3] - corners[:, 1], features.shape[2], size, points)  # (R, S, H)
    columns = _weights(corners[:, 0], corners[:, 2] - corners[:, 0], features.shape[3], size, points)  # (R, S, W)
    mine = features[clip]  # (R, D, H, W)
    return torch.einsum("rsh,rdhw,rtw->rdst", rows.to(mine), mine, columns.to(mine))


def _weights(low: Tensor, length: Tensor, cells: int, size: int, points: int) -> Tensor:
    """What each cell of an axis adds to each bin, (R, S, cells).

    A point up to one cell outside the map has the value of the border, one further out has none.
    """
    step = length / size
    count = torch.full_like(step, points) if points else step.ceil().clamp(min=0)  # (R,)
    number = torch.arange(_most(count, cells, size), device=low.device, dtype=low.dtype)  # (P,)
    within = (number + 0.5) / count.clamp(min=1)[:, None, None]  # (R, 1, P), of a bin
    bins = torch.arange(size, device=low.device, dtype=low.dtype)[:, None]  # (S, 1)
    at = low[:, None, None] + step[:, None, None] * (bins + within)  # (R, S, P)
    counted = (number < count[:, None, None]) & (at >= -1) & (at <= cells)
    cell = torch.arange(cells, device=low.device, dtype=low.dtype)
    near = (1 - (at.clamp(0, cells - 1)[..., None] - cell).abs()).clamp(min=0)  # (R, S, P, cells), bilinear
    return (near * counted[..., None]).sum(2) / count.clamp(min=1)[:, None, None]


def _most(count: Tensor, cells: int, size: int) -> int:
    """P of the box that needs most; on the meta device, where there are no values, that of one as large as the map."""
    if count.is_meta or not len(count):
        return math.ceil(cells / size)
    return int(count.max())


def token_map(features: Features) -> Tensor:
    """Patch tokens averaged over time, (B, D, H, W); class tokens that stand before each frame's patches are left out.

    Raises:
        UserError: The tokens are not those of the grid.
    """
    tokens, (slots, height, width) = features.tokens, features.grid
    spare = tokens.shape[1] - slots * height * width
    if spare not in (0, slots):
        raise UserError(
            f"{tokens.shape[1]} tokens are not a grid of {slots} x {height} x {width}: choose another backbone"
        )
    frames = tokens.unflatten(1, (slots, -1))[:, :, spare // slots :]  # (B, N, D) -> (B, T, HW, D)
    return frames.mean(1).unflatten(1, (height, width)).permute(0, 3, 1, 2)  # (B, HW, D) -> (B, D, H, W)


def pooled_boxes(features: Features, boxes: Tensor, clip: Tensor) -> Tensor:
    """One vector a box, (R, D): RoIAlign on the tokens' mean over time, max pool.

    Args:
        features: Of a backbone.
        boxes: (R, 4) x1, y1, x2, y2 as shares of the clip's width and height.
        clip: int64 (R,), the clip of each box.
    """
    tokens = token_map(features)
    height, width = tokens.shape[2:]
    cells = boxes * boxes.new_tensor([width, height, width, height])
    return roi_align(tokens, cells, clip).amax((2, 3))  # (R, D, S, S) -> (R, D)


class BoxHead(ClassifyHead):
    """Action scores of boxes: RoIAlign on the tokens' mean over time, max pool, then a classifier.

    Args:
        width: D.
        num_classes: K.
        config: Dropout, start scale, LayerNorm of the classifier.
    """

    def __init__(self, width: int, num_classes: int, config: ClassifyHeadConfig) -> None:
        super().__init__(width, num_classes, config)

    def forward(self, features: Features, boxes: Tensor, clip: Tensor) -> Tensor:  # type: ignore[override]
        """Logits (R, K).

        Args:
            features: Of the backbone.
            boxes: (R, 4) x1, y1, x2, y2 as shares of the clip's width and height.
            clip: int64 (R,), the clip of each box.
        """
        return super().forward(pooled_boxes(features, boxes, clip))


class BoxClassifier(nn.Module):
    """A video backbone with action scores for boxes.

    Args:
        backbone: Any video backbone whose tokens lie on a grid.
        num_classes: K.
        head: The classifier's config.
    """

    def __init__(self, backbone: Any, num_classes: int, head: ClassifyHeadConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input
        self.box_head = BoxHead(backbone.embed_dim, num_classes, head)

    def forward(self, video: Tensor, boxes: Tensor, clip: Tensor) -> Tensor:
        """Prepared clips (B, 3, T, H, W), boxes (R, 4) as shares, clip of each (R,) -> logits (R, K).

        Raises:
            UserError: The clips have another size than the backbone's, which takes no other.
        """
        if tuple(video.shape[3:]) == (self.input.size, self.input.size):
            return self.box_head(self.backbone(video), boxes, clip)
        if not isinstance(self.backbone, MaskedEncoder):
            raise UserError("this backbone takes clips of one size: test it with data.test_view=squeeze")
        return self.box_head(self.backbone.forward_full(video), boxes, clip)


class CoordinatedBoxClassifier(nn.Module):
    """The coordinated encoders with action scores for boxes, to which what the class token says of the clip is added.

    The box head starts as a copy of the one that the masked encoder was trained with, the class token's is silent: with
    closed gates, which is how coordination starts, the scores are exactly the masked encoder's.

    Args:
        backbone: The coordinated encoders.
        box_head: The masked encoder's.
        context: The config of the class token's classifier; its start scale is not used.
        dropout: Rate in front of both.
    """

    def __init__(self, backbone: Any, box_head: BoxHead, context: ClassifyHeadConfig, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input
        classes = box_head.out_features
        config = ClassifyHeadConfig(dropout=dropout, init_scale=1.0, norm=box_head.config.norm)
        self.box_head = BoxHead(backbone.embed_dim, classes, config)
        self.box_head.load_state_dict(box_head.state_dict())
        own = ClassifyHeadConfig(dropout=dropout, init_scale=0.0, norm=context.norm)
        self.context_head = ClassifyHead(backbone.class_dim, classes, own)

    def forward(self, videos: tuple[Tensor, ...], boxes: Tensor, clip: Tensor) -> Tensor:
        """As `BoxClassifier.forward`, with a clip for each encoder."""
        features = self.backbone(videos)
        seen = Features(features.tokens, features.pooled, features.grid)
        return self.box_head(seen, boxes, clip) + self.context_head(features.class_token)[clip]

    def gates(self) -> dict[str, float]:
        """How far each gate is open, tanh of its value in (-1, 1), by the name of its module in the backbone."""
        return self.backbone.gates()

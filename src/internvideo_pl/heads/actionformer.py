"""ActionFormer: every place of a pyramid says which action goes on there, and how far its start and end are.

Shapes: B batch, C width of the features, D width, T places of the lowest level, T_l places of level l, K classes.

How to use it on other lists of stretches (moments, narrations):

    model = ActionFormer(features.shape[1], num_classes, ActionFormerConfig())
    objective = Localization(model, LocalizationObjective())        # objectives/localize.py
    losses = objective(features, mask, segments, labels)            # segments in places, see data/features/grid.py
    found = detect(model(features, mask), mask, DetectConfig())     # heads/detect_segments.py; places -> to_seconds

`features` are float32 (B, C, T), zero where padded, T a multiple of 2^(levels - 1); `mask` is bool (B, T). Places count
features: 0 is the middle of the first window.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.temporal_layers import ChannelNorm, ConvNorm, MaskedConv
from internvideo_pl.backbones.temporal_pyramid import PyramidConfig, TemporalPyramid
from internvideo_pl.errors import UserError

PRIOR = 0.01  # share of places where a class is seen, before anything is learned
LAST = 1e4  # no action reaches so many places


class Level(NamedTuple):
    """What is predicted in a level of the pyramid.

    Attributes:
        logits: (B, K, T_l), of each class by itself.
        offsets: (B, 2, T_l), not below 0: distance of start and end, in strides.
        mask: bool (B, T_l).
        stride: Places of the lowest level between two of this one.
    """

    logits: Tensor
    offsets: Tensor
    mask: Tensor
    stride: int


@dataclass(kw_only=True)
class ActionFormerConfig(PyramidConfig):
    """Size of ActionFormer.

    Attributes:
        head_layers: Convolutions of each of the two heads, the last one included.
        reach: [least, most] distance from a place to the farther end of an action that each level is taught, in places;
            empty doubles from [0, 4] on.
    """

    head_layers: int = 3
    reach: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Fills in what the levels are taught.

        Raises:
            UserError: It is not one range a level.
        """
        super().__post_init__()
        if not self.reach:
            ends = [0.0, *(4.0 * 2**level for level in range(self.levels - 1)), LAST]
            self.reach = [[low, high] for low, high in pairwise(ends)]
        if len(self.reach) != self.levels or any(len(pair) != 2 or pair[0] >= pair[1] for pair in self.reach):
            raise UserError(f"reach={self.reach} must be a [least, most] for each of {self.levels} levels")


class Tower(nn.Module):
    """Convolutions with norms, and a last one without; the same for every level.

    Args:
        width: D.
        out: Channels of the last one.
        layers: How many, the last one included.
    """

    def __init__(self, width: int, out: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvNorm(width, width) for _ in range(layers - 1))
        self.last = MaskedConv(width, out)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, D, T_l), (B, T_l) -> (B, out, T_l)."""
        for layer in self.layers:
            x = layer(x, mask)
        return self.last(x, mask)[0]


class ActionFormer(nn.Module):
    """Pyramid and both heads.

    Args:
        width: C.
        num_classes: K; 1 finds actions without naming them.
        config: Size.
    """

    def __init__(self, width: int, num_classes: int, config: ActionFormerConfig) -> None:
        super().__init__()
        self.config = config
        self.width, self.num_classes = width, num_classes
        self.pyramid = TemporalPyramid(width, config)
        self.norms = nn.ModuleList(ChannelNorm(config.width) for _ in range(config.levels))
        self.classify = Tower(config.width, num_classes, config.head_layers)
        self.regress = Tower(config.width, 2, config.head_layers)
        self.scales = nn.Parameter(torch.ones(config.levels))
        bias = self.classify.last.conv.bias
        assert bias is not None
        nn.init.constant_(bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, features: Tensor, mask: Tensor) -> list[Level]:
        """The levels' predictions, longest first.

        Args:
            features: float (B, C, T), zero where padded; T a multiple of 2^(levels - 1).
            mask: bool (B, T).
        """
        rows, masks = self.pyramid(features, mask)
        return [
            Level(
                self.classify(x := norm(row), there),
                F.relu(self.regress(x, there) * scale),
                there,
                2**level,
            )
            for level, (row, there, norm, scale) in enumerate(zip(rows, masks, self.norms, self.scales, strict=True))
        ]

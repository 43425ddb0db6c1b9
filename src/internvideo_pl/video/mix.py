"""Mixup and CutMix: two clips of a batch become one; the share of each tells a loss how to mix their labels.

Shapes: B batch, T frames, H height, W width.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from internvideo_pl.errors import UserError


@dataclass(kw_only=True)
class MixConfig:
    """How training clips are mixed; off by default.

    Attributes:
        mixup: alpha of Mixup's Beta distribution (arXiv 1710.09412); 0 turns it off.
        cutmix: alpha of CutMix's (arXiv 1905.04899); 0 turns it off.
        probability: of a batch to be mixed at all.
        switch: probability of CutMix where both are on.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    probability: float = 1.0
    switch: float = 0.5

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: An alpha is negative, or a probability is none.
        """
        for name in ("mixup", "cutmix"):
            if getattr(self, name) < 0:
                raise UserError(f"objective.mix.{name}={getattr(self, name)} must not be negative; 0 turns it off")
        for name in ("probability", "switch"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"objective.mix.{name}={getattr(self, name)} must be from 0 to 1")


@dataclass(frozen=True)
class Mix:
    """Mixes clip i with clip B - 1 - i, one draw for the whole batch (timm's "batch" mode).

    Pixels are mixed as bytes: normalisation is linear, so that nothing changes but the rounding to whole values.

    Attributes:
        config: how.
    """

    config: MixConfig

    def __call__(self, video: Tensor, generator: np.random.Generator) -> tuple[Tensor, float]:
        """Mixes a batch on its device.

        Args:
            video: uint8 (B, T, H, W, 3), left as it is.
            generator: source of the draw.

        Returns:
            The mixed clips, and the share that each keeps of itself; the rest is its partner's.
        """
        config = self.config
        if not (config.mixup or config.cutmix) or generator.random() >= config.probability:
            return video, 1.0
        if config.cutmix and (not config.mixup or generator.random() < config.switch):
            share = float(generator.beta(config.cutmix, config.cutmix))
            height, width = video.shape[2:4]
            return _cut(video, _box(height, width, share, generator))
        share = float(generator.beta(config.mixup, config.mixup))
        mixed = (video * share).add_(video.flip(0) * (1 - share)).round_()
        return mixed.to(torch.uint8), share


def _box(height: int, width: int, share: float, generator: np.random.Generator) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of a box that would cover 1 - share of the picture, cut off at its borders."""
    side = math.sqrt(1 - share)
    box_height, box_width = int(height * side), int(width * side)
    row, column = int(generator.integers(height)), int(generator.integers(width))
    top, bottom = max(row - box_height // 2, 0), min(row + box_height // 2, height)
    left, right = max(column - box_width // 2, 0), min(column + box_width // 2, width)
    return top, bottom, left, right


def _cut(video: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, float]:
    """The video with the partner's box in it, and the share of the picture that stays the video's own."""
    top, bottom, left, right = box
    mixed = video.clone()
    mixed[:, :, top:bottom, left:right] = video.flip(0)[:, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (video.shape[2] * video.shape[3])

"""Mixup and CutMix: two clips of a batch become one, and so do their labels."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Mix:
    """Mixup (arXiv 1710.09412) or CutMix (arXiv 1905.04899), one draw for the whole batch, with label smoothing.

    Clip i is mixed with clip B - 1 - i. The defaults are those of the supervised recipe.

    Attributes:
        num_classes: K.
        mixup: alpha of Mixup's Beta distribution; 0 turns it off.
        cutmix: alpha of CutMix's; 0 turns it off.
        probability: of a batch to be mixed at all.
        switch: probability of CutMix where both are on.
        smoothing: share of each label that is spread over all classes.
    """

    num_classes: int
    mixup: float = 0.8
    cutmix: float = 1.0
    probability: float = 1.0
    switch: float = 0.5
    smoothing: float = 0.1

    def __call__(self, video: Tensor, label: Tensor, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Mixes a batch on its device.

        Args:
            video: float (B, 3, T, H, W).
            label: int64 (B,).
            generator: source of the draw.

        Returns:
            The mixed video, and float (B, K) targets that sum to 1.
        """
        partner, share = video.flip(0), 1.0
        if generator.random() < self.probability and (self.mixup or self.cutmix):
            if self.cutmix and (not self.mixup or generator.random() < self.switch):
                height, width = video.shape[-2:]
                box = _box(height, width, float(generator.beta(self.cutmix, self.cutmix)), generator)
                video, share = _cut(video, partner, box)
            else:
                share = float(generator.beta(self.mixup, self.mixup))
                video = torch.lerp(partner, video, share)
        target = self._smooth(label)
        return video, share * target + (1 - share) * target.flip(0)

    def _smooth(self, label: Tensor) -> Tensor:
        """float (B, K): one-hot, less the smoothed share, which every class gets alike."""
        return F.one_hot(label, self.num_classes) * (1.0 - self.smoothing) + self.smoothing / self.num_classes


def _box(height: int, width: int, share: float, generator: np.random.Generator) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of a box that would cover 1 - share of the picture, cut off at its borders."""
    side = math.sqrt(1 - share)
    box_height, box_width = int(height * side), int(width * side)
    row, column = int(generator.integers(height)), int(generator.integers(width))
    top, bottom = max(row - box_height // 2, 0), min(row + box_height // 2, height)
    left, right = max(column - box_width // 2, 0), min(column + box_width // 2, width)
    return top, bottom, left, right


def _cut(video: Tensor, partner: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, float]:
    """The video with the partner's box in it, and the share of the picture that stays the video's own."""
    top, bottom, left, right = box
    mixed = video.clone()
    mixed[..., top:bottom, left:right] = partner[..., top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (video.shape[-2] * video.shape[-1])

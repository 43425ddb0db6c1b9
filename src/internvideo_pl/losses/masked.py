"""Masked reconstruction: the pixels that a masked autoencoder is to predict, and how far off it was.

Shapes: B batch, T frames, (t, h, w) grid of tokens, N tokens, P predicted tokens, K = frames*height*width*3 values of a
tube, in (frame, row, column, channel) order with the channel fastest.
Source: VideoMAE (arXiv 2203.12602), section 3, and its public training engine.
"""

from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.backbones.tubes import RELEASE_FLOOR, tube_statistics


def normalized(tubes: Tensor, floor: float = RELEASE_FLOOR) -> Tensor:
    """Tubes (B, N, K) with zero mean and unit variance in each channel of each tube."""
    mean, spread = tube_statistics(tubes, floor)
    return (tubes.unflatten(2, (-1, 3)) - mean).div_(spread).flatten(2)


def reconstruction_loss(prediction: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """Mean squared error over predicted tokens and all their values, in float32 at least.

    Args:
        prediction: (B, P, K).
        target: (B, P, K).
        counted: bool (B, P), tokens that enter the mean; None for all.

    Returns:
        Scalar.
    """
    prediction = prediction.to(target.dtype)
    if counted is None:
        return F.mse_loss(prediction, target)  # half the time of the same in three steps
    per_token = F.mse_loss(prediction, target, reduction="none").mean(dim=2)  # (B, P)
    return (per_token * counted).sum() / counted.sum()

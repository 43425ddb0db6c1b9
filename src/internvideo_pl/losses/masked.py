"""Masked reconstruction: the pixels that a masked autoencoder is to predict, and how far off it was.

Shapes: B batch, T frames, (t, h, w) grid of tokens, N tokens, P predicted tokens, K = frames*height*width*3 values of a
tube, in (frame, row, column, channel) order with the channel fastest.
Source: VideoMAE (arXiv 2203.12602), section 3, and its public training engine.
"""

from torch import Tensor

from internvideo_pl.backbones.tubes import RELEASE_FLOOR, tube_statistics


def normalized(tubes: Tensor, floor: float = RELEASE_FLOOR) -> Tensor:
    """Tubes (B, N, K) with zero mean and unit variance in each channel of each tube."""
    mean, spread = tube_statistics(tubes, floor)
    return ((tubes.unflatten(2, (-1, 3)) - mean) / spread).flatten(2)


def reconstruction_loss(prediction: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """Mean squared error over predicted tokens and all their values, in float32 at least.

    Args:
        prediction: (B, P, K).
        target: (B, P, K).
        counted: bool (B, P), tokens that enter the mean; None for all.

    Returns:
        Scalar.
    """
    error = (prediction.to(target.dtype) - target).square()
    if counted is None:
        return error.mean()
    per_token = error.mean(dim=2)  # (B, P)
    return (per_token * counted).sum() / counted.sum()

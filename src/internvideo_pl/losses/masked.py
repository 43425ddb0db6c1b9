"""Masked reconstruction: the pixels that a masked autoencoder is to predict, and how far off it was.

Shapes: B batch, T frames, (t, h, w) grid of tokens, N tokens, P predicted tokens, K = frames*height*width*3 values of a
tube, in (frame, row, column, channel) order with the channel fastest.
Source: VideoMAE (arXiv 2203.12602), section 3, and its public training engine.
"""

import torch
from torch import Tensor

RELEASE_FLOOR = 1e-6  # the release adds it to the standard deviation, outside the root


def tubes_of(video: Tensor, tubelet_size: int, patch_size: int) -> Tensor:
    """Cuts a clip (B, 3, T, H, W) into its tubes (B, N, K)."""
    tubes = video.unflatten(4, (-1, patch_size)).unflatten(3, (-1, patch_size)).unflatten(2, (-1, tubelet_size))
    return tubes.permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4).flatten(1, 3)  # (B,3,t,pt,h,ph,w,pw) -> (B,N,pt*ph*pw*3)


def video_of(tubes: Tensor, grid: tuple[int, int, int], tubelet_size: int, patch_size: int) -> Tensor:
    """Puts all tubes (B, N, K) of a grid (t, h, w) back together as a clip (B, 3, T, H, W)."""
    cells = tubes.unflatten(2, (tubelet_size, patch_size, patch_size, 3)).unflatten(1, grid)
    cells = cells.permute(0, 7, 1, 4, 2, 5, 3, 6)  # (B,t,h,w,pt,ph,pw,3) -> (B,3,t,pt,h,ph,w,pw)
    return cells.flatten(6).flatten(4, 5).flatten(2, 3)


def tube_statistics(tubes: Tensor, floor: float = RELEASE_FLOOR) -> tuple[Tensor, Tensor]:
    """Mean and spread of every channel of every tube.

    Args:
        tubes: (B, N, K).
        floor: Added to the standard deviation. With the release's 1e-6 a constant tube becomes amplified rounding
            noise; a floor near the pixels' own noise keeps it at zero.

    Returns:
        Mean and (unbiased standard deviation + floor), each (B, N, 1, 3).
    """
    pixels = tubes.unflatten(2, (-1, 3))  # (B, N, K/3, 3)
    mean = pixels.mean(dim=2, keepdim=True)
    squares = (pixels - mean).square().sum(dim=2, keepdim=True)  # a third of torch.std's time on a CPU
    return mean, (squares / (pixels.shape[2] - 1)).sqrt() + floor


def normalized(tubes: Tensor, floor: float = RELEASE_FLOOR) -> Tensor:
    """Tubes (B, N, K) with zero mean and unit variance in each channel of each tube."""
    mean, spread = tube_statistics(tubes, floor)
    return ((tubes.unflatten(2, (-1, 3)) - mean) / spread).flatten(2)


def gather_tokens(tokens: Tensor, index: Tensor) -> Tensor:
    """The tokens (B, P, K) at index (B, P) of tokens (B, N, K)."""
    return torch.gather(tokens, 1, index[..., None].expand(-1, -1, tokens.shape[2]))


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

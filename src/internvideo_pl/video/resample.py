"""Affine moves of clips, batched and on any device, with the picture that Pillow's bicubic transform would give.

An output pixel is a weighted sum of source pixels: an embedding bag over a table with one row a pixel place, in which
all frames and channels of a clip stand side by side, since they all move alike.

Shapes: N clips, T frames, H height, W width, K source pixels of an output pixel (16, or 4 of a move along one axis).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# Weights are whole multiples of 1 / GRAIN. Times a byte, and summed with their magnitudes of at most 2.25 in all, they
# stay below 2 ** 24 / GRAIN, so that float32 holds every sum exactly: the same bytes on every device, in every order.
GRAIN = 2**14
FILL = 128.0  # what comes in from outside, grey as in timm and in VideoMAE's code


def move(video: Tensor, affine: Tensor, axes: str = "xy") -> Tensor:
    """Takes output pixel (x, y) from place (ax + by + c, dx + ey + f) of the source, counted from pixels' corners.

    Args:
        video: uint8 (N, T, H, W, 3).
        affine: (N, 6), a to f of each clip.
        axes: along which pixels move: "x" or "y" where the other coordinate stays, which is quicker, or "xy".

    Returns:
        uint8 (N, T, H, W, 3)
    """
    clips, frames, height, width, _ = video.shape
    across, down = _sources(affine.float().to(video.device), height, width)
    inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    columns, column_weights = _taps(across, width, "x" in axes)
    rows, row_weights = _taps(down, height, "y" in axes)
    first = torch.arange(clips, dtype=torch.int32, device=video.device)[:, None, None, None, None] * (height * width)
    # (N, H, W, Ky, Kx) -> (N * H * W, K)
    places = (first + rows[..., :, None] * width + columns[..., None, :]).flatten(3).flatten(0, 2)
    weights = (row_weights[..., :, None] * column_weights[..., None, :]).flatten(3).flatten(0, 2)
    weights = weights.mul_(GRAIN).round_()
    weights[:, (weights.shape[1] - 1) // 3] += GRAIN - weights.sum(1)  # to the pixel beside the place goes what is left
    table = video.permute(0, 2, 3, 1, 4).reshape(-1, frames * 3).float()  # (N, T, H, W, 3) -> (N * H * W, T * 3)
    moved = F.embedding_bag(places, table, per_sample_weights=weights.div_(GRAIN), mode="sum")
    moved = moved.masked_fill_(~inside.flatten()[:, None], FILL).clamp_(0, 255).to(torch.int16).to(torch.uint8)
    return moved.view(clips, height, width, frames, 3).permute(0, 3, 1, 2, 4).contiguous()


def _sources(affine: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """(x, y) that each output pixel's middle is taken from, float32 (N, H, W) each."""
    a, b, c, d, e, f = affine[:, :, None, None].unbind(1)
    x = torch.arange(width, device=affine.device) + 0.5
    y = (torch.arange(height, device=affine.device) + 0.5)[:, None]
    return a * x + b * y + c, d * x + e * y + f


def _taps(place: Tensor, size: int, moves: bool) -> tuple[Tensor, Tensor]:
    """Source pixels along one axis, and their weights: int32 and float32, both (N, H, W, 4), or 1 where nothing moves.

    Cubic convolution with a = -1, which is what Pillow's transforms use (its resizes use -0.5). The border repeats.
    """
    if not moves:
        return place.floor().clamp_(0, size - 1).int()[..., None], torch.ones_like(place)[..., None]
    below = (place - 0.5).floor()
    t = place - 0.5 - below
    square, cube = t * t, t * t * t
    weights = [2 * square - t - cube, 1 - 2 * square + cube, t + square - cube, cube - square]
    neighbours = below.int()[..., None] + torch.arange(-1, 3, dtype=torch.int32, device=place.device)
    return neighbours.clamp_(0, size - 1), torch.stack(weights, dim=-1)

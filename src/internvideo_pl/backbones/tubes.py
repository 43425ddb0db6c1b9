"""Clips as tubes: the flat pieces of pixels that a masked autoencoder hides and predicts.

Shapes: B batch, T frames, (t, h, w) grid of tokens, N tokens, P chosen tokens, K = frames*height*width*3 values of a
tube, in (frame, row, column, channel) order with the channel fastest.
Source: VideoMAE (arXiv 2203.12602), section 3, and its public training engine.
"""

import torch
from torch import Tensor

RELEASE_FLOOR = 1e-6  # the release adds it to the standard deviation, outside the root


def cells_of(video: Tensor, tubelet_size: int, patch_size: int) -> Tensor:
    """A view of a clip (B, 3, T, H, W) as a grid of tubes, (B, t, h, w, 3, pt, ph, pw)."""
    cells = video.unflatten(4, (-1, patch_size)).unflatten(3, (-1, patch_size)).unflatten(2, (-1, tubelet_size))
    return cells.permute(0, 2, 4, 6, 1, 3, 5, 7)  # (B, 3, t, pt, h, ph, w, pw) -> (B, t, h, w, 3, pt, ph, pw)


def pick_cells(cells: Tensor, chosen: Tensor | None) -> Tensor:
    """All cells of a grid (B, t, h, w, ...) as (B, N, ...), or those at int64 `chosen` (B, P) alone: (B, P, ...)."""
    if chosen is None:
        return cells.flatten(1, 3)
    rows, columns = cells.shape[2:4]
    sample = torch.arange(len(cells), device=chosen.device)[:, None]
    return cells[sample, chosen // (rows * columns), chosen // columns % rows, chosen % columns]


def tubes_of(video: Tensor, tubelet_size: int, patch_size: int, chosen: Tensor | None = None) -> Tensor:
    """Cuts a clip (B, 3, T, H, W) into its tubes (B, N, K), or those at int64 `chosen` (B, P) alone: (B, P, K)."""
    return pick_cells(cells_of(video, tubelet_size, patch_size).movedim(4, -1), chosen).flatten(2)


def video_of(tubes: Tensor, grid: tuple[int, int, int], tubelet_size: int, patch_size: int) -> Tensor:
    """Puts all tubes (B, N, K) of a grid (t, h, w) back together as a clip (B, 3, T, H, W)."""
    cells = tubes.unflatten(2, (tubelet_size, patch_size, patch_size, 3)).unflatten(1, grid)
    cells = cells.permute(0, 7, 1, 4, 2, 5, 3, 6)  # (B,t,h,w,pt,ph,pw,3) -> (B,3,t,pt,h,ph,w,pw)
    return cells.flatten(6).flatten(4, 5).flatten(2, 3)


def gather_tokens(tokens: Tensor, index: Tensor) -> Tensor:
    """The tokens (B, P, K) at index (B, P) of tokens (B, N, K)."""
    return torch.gather(tokens, 1, index[..., None].expand(-1, -1, tokens.shape[2]))


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

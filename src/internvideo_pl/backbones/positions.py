"""Fixed sine-cosine positions and their interpolation to another clip length or resolution.

Shapes: N positions, D width, (T, H, W) grid of tokens.
Source: VideoMAE's public model files. The table is one-dimensional over the flattened (t, h, w) index, not separable.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

Grid = tuple[int, int, int]  # tokens along time, height, width

WAVELENGTH_BASE = 10000.0  # "Attention is all you need" (arXiv 1706.03762), section 3.5


def sincos_table(num_positions: int, width: int) -> Tensor:
    """Table whose columns 2i and 2i+1 are the sine and cosine of p / 10000^(2i/D).

    Computed in float64 on the CPU whatever the default device is: it is a constant, not a weight, so it holds real
    values in a model that was built without storage on the meta device.

    Returns:
        float32 (1, N, D).
    """
    column = torch.arange(width, dtype=torch.float64, device="cpu")
    position = torch.arange(num_positions, dtype=torch.float64, device="cpu")
    exponent = 2 * torch.div(column, 2, rounding_mode="floor") / width
    angle = position[:, None] / WAVELENGTH_BASE**exponent  # (N, D)
    angle[:, 0::2] = angle[:, 0::2].sin()
    angle[:, 1::2] = angle[:, 1::2].cos()
    return angle[None].float()


def interpolate_table(table: Tensor, source: Grid, target: Grid) -> Tensor:
    """The table of a grid resampled to another grid: bicubic in space, then linear in time, as VideoMAE's loader does.

    Args:
        table: (1, N, D) of the source grid, flattened in (t, h, w) order.
        source: Its grid.
        target: The wanted grid.

    Returns:
        (1, N', D) of the target grid; an axis that does not change is left untouched, bit for bit.
    """
    width = table.shape[-1]
    assert table.shape[1] == source[0] * source[1] * source[2], (table.shape, source)
    if source[1:] != target[1:]:
        images = table.reshape(source[0], *source[1:], width).permute(0, 3, 1, 2)  # (T, D, H, W)
        images = F.interpolate(images, size=target[1:], mode="bicubic", align_corners=False)
        table = images.permute(0, 2, 3, 1).reshape(1, -1, width)  # (1, T * H' * W', D)
    if source[0] != target[0]:
        tracks = table.reshape(source[0], -1, width).permute(1, 2, 0)  # (H' * W', D, T)
        tracks = F.interpolate(tracks, size=target[0], mode="linear", align_corners=False)
        table = tracks.permute(2, 0, 1).reshape(1, -1, width)  # (1, T' * H' * W', D)
    return table

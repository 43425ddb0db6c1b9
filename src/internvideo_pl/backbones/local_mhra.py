"""UniFormerV2's local block: a cheap temporal mixer that is wrapped around CLIP's spatial attention.

Shapes: B batch, T frames, H x W patches of a frame, D width.
Source: UniFormerV2 (arXiv 2211.09552, "local UniBlock"); key names of its public release.
"""

from torch import Tensor, nn

KERNEL = 3  # frames that the depth-wise convolution sees; public release, pos_kernel_size


class LocalMHRA(nn.Module):
    """Batch norm, then a bottleneck around a depth-wise convolution over time; spatial positions do not mix.

    The last convolution starts at zero, so that a fresh block adds nothing to CLIP's features. Batch norm makes its
    running statistics part of the model: evaluate with them, and keep them when weights are averaged.

    Args:
        width: D.
        reduction: D over the bottleneck's width, 1.5 in the public release.
    """

    def __init__(self, width: int, reduction: float) -> None:
        super().__init__()
        hidden = int(width // reduction)
        kernel, padding = (KERNEL, 1, 1), (KERNEL // 2, 0, 0)
        last = nn.Conv3d(hidden, width, kernel_size=1)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.pos_embed = nn.Sequential(
            nn.BatchNorm3d(width),
            nn.Conv3d(width, hidden, kernel_size=1),
            nn.Conv3d(hidden, hidden, kernel, padding=padding, groups=hidden),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, T, H, W) -> (B, D, T, H, W)."""
        return self.pos_embed(x)

"""Layers over rows of features in time that are padded at their ends, as ActionFormer has them.

Shapes: B batch, C width, T places, H heads, d width of a head, L places of an attention block.
A mask (B, T) is true where there is a feature; what is padded stays zero.
Source: ActionFormer (arXiv 2202.07925) and its public code.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.layers import DropPath
from internvideo_pl.errors import UserError

EVERYWHERE = -1  # window of attention to all places
BLOCK = 16  # least places of an attention block: shorter ones keep processors waiting
SCALE = 1e-4  # start value of the scales on residual branches


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of (B, C, T).

    Args:
        width: C.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class MaskedConv(nn.Module):
    """Convolution over time that keeps padding at zero; a stride of 2 halves places and mask alike.

    Args:
        width: C of the input.
        out: Channels of the output.
        kernel: Places, odd.
        stride: Of the convolution.
        groups: Of channels.
        bias: Whether there is one; it starts at zero.
    """

    def __init__(
        self, width: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv1d(width, out, kernel, stride, kernel // 2, groups=groups, bias=bias)
        if bias:
            assert self.conv.bias is not None
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T), (B, T) -> (B, out, T / stride), (B, T / stride)."""
        mask = mask[:, :: self.stride]
        return self.conv(x) * mask[:, None].to(x.dtype), mask


class ConvNorm(nn.Module):
    """A convolution of three places, norm and rectifier.

    Args:
        width: C of the input.
        out: Channels of the output.
    """

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.conv = MaskedConv(width, out, bias=False)
        self.norm = ChannelNorm(out)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, T), (B, T) -> (B, out, T)."""
        return F.relu(self.norm(self.conv(x, mask)[0]))


class LocalAttention(nn.Module):
    """Self-attention of every place to those near it; queries, keys and values come from depth-wise convolutions.

    Args:
        width: C.
        heads: H.
        window: Places that one looks at, itself in the middle, odd; -1 for all.
        stride: 2 halves the places.
        dropout: After the projection.
    """

    def __init__(self, width: int, heads: int, window: int, stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise UserError(f"temporal attention: heads={heads} must divide width={width}")
        self.heads, self.window = heads, window
        kernel = stride + 1 if stride > 1 else 3
        for name in ("query", "key", "value"):
            mixed = MaskedConv(width, width, kernel, stride, groups=width, bias=False)
            self.add_module(name, nn.ModuleList([mixed, ChannelNorm(width), nn.Conv1d(width, width, 1)]))
        self.proj, self.drop = nn.Conv1d(width, width, 1), nn.Dropout(dropout)
        for layer in (self.proj, *(getattr(self, name)[2] for name in ("query", "key", "value"))):
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T), (B, T) -> (B, C, T / stride), (B, T / stride)."""
        (query, out_mask), (key, _), (value, _) = (self._part(name, x, mask) for name in ("query", "key", "value"))
        if self.window == EVERYWHERE:
            seen = out_mask[:, None, None, :] | torch.eye(out_mask.shape[1], dtype=torch.bool, device=x.device)
            out = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)  # (B, H, T, d)
        else:
            out = attend_near(query, key, value, out_mask, self.window // 2)
        out = self.drop(self.proj(out.transpose(2, 3).flatten(1, 2)))  # (B, H, T, d) -> (B, C, T)
        return out * out_mask[:, None].to(out.dtype), out_mask

    def _part(self, name: str, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        mix, norm, linear = getattr(self, name)
        mixed, mask = mix(x, mask)
        heads = linear(norm(mixed)).unflatten(1, (self.heads, -1))  # (B, H, d, T)
        return heads.transpose(2, 3), mask


def attend_near(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, reach: int) -> Tensor:
    """Attention within `reach` places to either side, in blocks: memory grows with T, not with its square.

    Args:
        query: (B, H, T, d).
        key: The same.
        value: The same.
        mask: bool (B, T), which keys there are. A place always sees itself, so that padding gives numbers.
        reach: Places.

    Returns:
        (B, H, T, d)
    """
    places, size = query.shape[2], max(reach, BLOCK)
    short = -places % size
    query = F.pad(query, (0, 0, 0, short)).unflatten(2, (-1, size))  # (B, H, N, L, d)
    key, value = (
        F.pad(x, (0, 0, size, size + short)).unfold(2, 3 * size, size).transpose(3, 4) for x in (key, value)
    )  # (B, H, N, 3 L, d): a block, the one before it and the one after it
    there = F.pad(mask, (size, size + short)).unfold(1, 3 * size, size)  # (B, N, 3 L)
    place = torch.arange(3 * size, device=mask.device)
    apart = place[None] - size - place[:size, None]  # (L, 3 L)
    seen = (there[:, :, None] & (apart.abs() <= reach)) | (apart == 0)  # (B, N, L, 3 L)
    out = F.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None])
    return out.flatten(2, 3)[:, :, :places]


class ScaledDropPath(nn.Module):
    """Stochastic depth with a learned scale a channel, which starts near zero.

    Args:
        width: C.
        rate: Share of clips whose branch is dropped in training.
    """

    def __init__(self, width: int, rate: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((width,), SCALE))
        self.drop = DropPath(rate)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        return self.drop(self.scale[:, None] * x)


class TemporalBlock(nn.Module):
    """A transformer block over time; with a stride of 2 it halves the places.

    Args:
        width: C.
        heads: H.
        window: See `LocalAttention`.
        stride: 1 or 2.
        drop_path: Stochastic depth; 0 leaves the learned scales out as well.
        dropout: After every projection.
    """

    def __init__(
        self, width: int, heads: int, window: int, stride: int = 1, drop_path: float = 0.0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(width), ChannelNorm(width)
        self.attn = LocalAttention(width, heads, window, stride, dropout)
        self.skip = nn.MaxPool1d(stride + 1, stride, (stride + 1) // 2) if stride > 1 else nn.Identity()
        self.mlp = nn.Sequential(nn.Conv1d(width, 4 * width, 1), nn.GELU(), nn.Conv1d(4 * width, width, 1))
        self.drop = nn.Dropout(dropout)
        self.drop1, self.drop2 = (
            ScaledDropPath(width, drop_path) if drop_path > 0 else nn.Identity() for _ in range(2)
        )
        for layer in (self.mlp[0], self.mlp[2]):
            assert isinstance(layer, nn.Conv1d)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T), (B, T) -> (B, C, T / stride), (B, T / stride)."""
        out, mask = self.attn(self.norm1(x), mask)
        there = mask[:, None].to(x.dtype)
        x = self.skip(x)[..., : there.shape[-1]] * there + self.drop1(out)
        hidden = self.drop(self.mlp[:2](self.norm2(x)))
        return x + self.drop2(self.drop(self.mlp[2](hidden)) * there), mask

"""ActionFormer's encoder: a row of features to a pyramid of rows, each half as long as the one below.

Shapes: B batch, C width of the features, D width, T places of the lowest level, T_l places of level l (T / 2^l).
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.temporal_layers import EVERYWHERE, ConvNorm, TemporalBlock
from internvideo_pl.errors import UserError

PERIOD = 10_000.0  # longest wave of the position table


@dataclass(kw_only=True)
class PyramidConfig:
    """Size of the pyramid.

    Attributes:
        width: D.
        heads: Attention heads.
        embed_layers: Convolutions before the first block.
        stem_blocks: Blocks at full length.
        levels: Of the pyramid, the one at full length included.
        windows: Places that attention sees in each level, odd, -1 for all; a single number holds for all levels.
        positions: Whether sine-cosine positions are added after the convolutions.
        max_len: Places for which that table is made; longer rows interpolate it.
        drop_path: Stochastic depth of every block.
        dropout: After every projection of a block.
    """

    width: int = 512
    heads: int = 4
    embed_layers: int = 2
    stem_blocks: int = 2
    levels: int = 6
    windows: list[int] = field(default_factory=lambda: [19])
    positions: bool = False
    max_len: int = 2304
    drop_path: float = 0.1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: Windows are even, or not one for all levels nor one a level.
        """
        if len(self.windows) not in (1, self.levels) or any(w != EVERYWHERE and w % 2 == 0 for w in self.windows):
            raise UserError(
                f"windows={self.windows} must be odd or -1, one for all or one for each of {self.levels} levels"
            )

    def window(self, level: int) -> int:
        """Of a level."""
        return self.windows[0] if len(self.windows) == 1 else self.windows[level]


class TemporalPyramid(nn.Module):
    """Convolutions, blocks at full length, then blocks that each halve it.

    Args:
        width: C.
        config: Size.
    """

    table: Tensor

    def __init__(self, width: int, config: PyramidConfig) -> None:
        super().__init__()
        self.config = config
        widths = [width] + [config.width] * (config.embed_layers - 1)
        self.embed = nn.ModuleList(ConvNorm(wide, config.width) for wide in widths)
        levels = [0] * config.stem_blocks + list(range(1, config.levels))
        self.blocks = nn.ModuleList(
            TemporalBlock(
                *(config.width, config.heads, config.window(level), min(level, 1) + 1),
                drop_path=config.drop_path,
                dropout=config.dropout,
            )
            for level in levels
        )
        table = (
            sine_table(config.max_len, config.width) / math.sqrt(config.width) if config.positions else torch.empty(0)
        )
        self.register_buffer("table", table, persistent=False)  # (D, max_len)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The levels, longest first.

        Args:
            features: float (B, C, T), zero where padded; T a multiple of 2^(levels - 1).
            mask: bool (B, T), true where there is a feature.

        Returns:
            (B, D, T_l) and bool (B, T_l) of each level.
        """
        assert features.shape[-1] % 2 ** (self.config.levels - 1) == 0, "pad the places first"
        x = features
        for layer in self.embed:
            x = layer(x, mask)
        if self.config.positions:
            x = x + self._positions(x.shape[-1])
        x = x * mask[:, None].to(x.dtype)
        levels, masks = [], []
        for number, block in enumerate(self.blocks, 1):
            x, mask = block(x, mask)
            if number >= self.config.stem_blocks:
                levels.append(x)
                masks.append(mask)
        return levels, masks

    def _positions(self, places: int) -> Tensor:
        if places <= self.config.max_len:
            return self.table[:, :places]
        return F.interpolate(self.table[None], size=places, mode="linear", align_corners=False)[0]


def sine_table(places: int, width: int) -> Tensor:
    """Sine and cosine positions in turn, (D, places)."""
    channel = torch.arange(width)
    rate = PERIOD ** -((channel // 2 * 2) / width)
    angle = torch.arange(places)[None] * rate[:, None]
    return torch.where(channel[:, None] % 2 == 0, angle.sin(), angle.cos())

"""Masked autoencoding of video: the encoder reads the visible tubes, a small decoder predicts the pixels of the others.

Shapes: B batch, N tokens, V visible tokens, P predicted tokens, D encoder width, E decoder width.
Sources: VideoMAE (arXiv 2203.12602) and its public pretraining model file, whose parameter names are kept.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.layers import NORM_EPS, Block, drop_path_rates, init_xavier, run_blocks
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.masks import Masks
from internvideo_pl.backbones.positions import interpolate_table, sincos_table
from internvideo_pl.errors import UserError

MASK_TOKEN_STD = 0.02  # truncated at one standard deviation: VideoMAE's pretraining model file


@dataclass(kw_only=True)
class MaskedDecoderConfig:
    """Size of the decoder, which only pretraining needs.

    Attributes:
        width: E.
        heads: Attention heads of a block.
        depth: Number of blocks. VideoMAE's code defaults to 4; InternVideo's scripts set it for each size.
        mlp_ratio: Hidden width of the MLPs over E.
        drop_path: Stochastic depth; 0 in all released configurations.
        checkpointing: Whether blocks are recomputed in the backward pass to save memory.
    """

    width: int
    heads: int
    depth: int
    mlp_ratio: float = 4.0
    drop_path: float = 0.0
    checkpointing: bool = False

    def __post_init__(self) -> None:
        """Refuses a width that the heads do not divide.

        Raises:
            UserError: They do not.
        """
        if self.width % self.heads:
            raise UserError(f"masked decoder: heads={self.heads} must divide width={self.width}.")


class MaskedDecoder(nn.Module):
    """Transformer blocks, LayerNorm and a linear layer to the values of a tube.

    Args:
        config: Size.
        tube_values: Values of a tube, frames x height x width x 3.
    """

    def __init__(self, config: MaskedDecoderConfig, tube_values: int) -> None:
        super().__init__()
        self.config = config
        rates = drop_path_rates(config.drop_path, config.depth)
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.mlp_ratio, rate) for rate in rates)
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.head = nn.Linear(config.width, tube_values)
        self.apply(init_xavier)

    def forward(self, x: Tensor, predicted: int) -> Tensor:
        """Tokens (B, N, E) -> (B, predicted, tube values): the last `predicted` tokens as pixels."""
        return self.head(self.norm(run_blocks(self.blocks, x, self.config.checkpointing, last=predicted)))


class MaskedAutoencoder(nn.Module):
    """Encoder over visible tubes, decoder over visible and masked ones; predicts masked ones only.

    Args:
        encoder: With `pooling="tokens"`; the caller keeps it and uses it on after pretraining.
        decoder: Size of the decoder.

    Raises:
        UserError: The encoder pools in a way that leaves its tokens without their LayerNorm.
    """

    positions: Tensor

    def __init__(self, encoder: MaskedEncoder, decoder: MaskedDecoderConfig) -> None:
        super().__init__()
        config = encoder.config
        if config.pooling != "tokens":
            raise UserError(f'masked pretraining needs an encoder with pooling="tokens", not {config.pooling!r}.')
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder.width))
        nn.init.trunc_normal_(self.mask_token, std=MASK_TOKEN_STD, a=-MASK_TOKEN_STD, b=MASK_TOKEN_STD)
        self.encoder = encoder
        self.decoder = MaskedDecoder(decoder, 3 * config.tubelet_size * config.patch_size**2)
        self.encoder_to_decoder = nn.Linear(config.width, decoder.width, bias=False)
        init_xavier(self.encoder_to_decoder)
        slots, rows, columns = config.table_grid
        table = interpolate_table(sincos_table(slots * rows * columns, decoder.width), config.table_grid, config.grid)
        self.register_buffer("positions", table, persistent=False)  # (1, N, E)

    def forward(self, video: Tensor, masks: Masks) -> Tensor:
        """Predicts the hidden tubes.

        Args:
            video: (B, 3, T, H, W), normalised.
            masks: Visible and predicted tokens.

        Returns:
            (B, P, tube values), in the order of `masks.predicted`; a tube's values run over (frame, row, column,
            channel), the channel fastest.

        Raises:
            UserError: The clip has another number of frames or size than the encoder's.
        """
        visible = self.encoder_to_decoder(self.encoder.encode_visible(video, masks.visible))  # (B, V, E)
        positions = self.positions[0].to(visible)
        hidden = self.mask_token.to(visible) + positions[masks.predicted]  # (B, P, E)
        full = torch.cat([visible + positions[masks.visible], hidden], dim=1)  # visible tokens first
        return self.decoder(full, masks.predicted.shape[1])

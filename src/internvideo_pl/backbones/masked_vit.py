"""The masked video encoder: a plain vision transformer over tubes of pixels.

Shapes: B batch, T frames, (t, h, w) grid of tokens, N = t*h*w tokens, V visible tokens, D width, P values of a tube.

The same object is pretrained on visible tubes only (`masked_autoencoder`), fine-tuned on all of them, and frozen by
the coordination. What differs is where the last LayerNorm stands (`Pooling`).
Sources: VideoMAE (arXiv 2203.12602), its public model files and their copy in InternVideo's release.
"""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.features import Features, InputSpec, check_clip
from internvideo_pl.backbones.layers import (
    NORM_EPS,
    Block,
    drop_path_rates,
    init_truncated_normal,
    init_xavier,
    run_blocks,
)
from internvideo_pl.backbones.positions import Grid, interpolate_table, sincos_table
from internvideo_pl.backbones.tubes import cells_of, pick_cells
from internvideo_pl.errors import UserError, hint
from internvideo_pl.video.transform import IMAGENET_MEAN, IMAGENET_STD

POOLINGS = ("tokens", "mean", "first")


@dataclass(kw_only=True)
class MaskedViTConfig:
    """Size and variant of the masked encoder.

    Attributes:
        width: D.
        depth: Number of blocks.
        heads: Attention heads of a block.
        patch_size: Height and width of a tube in pixels.
        image_size: Height and width of a clip in pixels.
        num_frames: Frames of a clip.
        tubelet_size: Frames of a tube.
        mlp_ratio: Hidden width of the MLPs over D.
        table_size: Pixels for which the position table is computed before it is interpolated to `image_size`; None
            for `image_size` itself. The release starts from 224 whatever the clip.
        table_frames: The same for frames; the release starts from 16.
        drop_path: Stochastic depth, growing linearly from 0 in the first block to this rate in the last.
        layer_scale: Start value of learned scales on the residual branches; 0 (all released models) leaves them out.
        pooling: What `Features.pooled` is, and where the last LayerNorm stands. "tokens": every token is normalised
            (pretraining), pooled is their mean. "mean": the mean of raw tokens is normalised (fine-tuning). "first":
            every token is normalised, pooled is the first one (fine-tuning with mean pooling switched off).
        checkpointing: Whether blocks are recomputed in the backward pass to save memory.
    """

    width: int
    depth: int
    heads: int
    patch_size: int = 16
    image_size: int = 224
    num_frames: int = 16
    tubelet_size: int = 2
    mlp_ratio: float = 4.0
    table_size: int | None = None
    table_frames: int | None = None
    drop_path: float = 0.0
    layer_scale: float = 0.0
    pooling: str = "mean"
    checkpointing: bool = False

    def __post_init__(self) -> None:
        """Refuses sizes that do not divide.

        Raises:
            UserError: A size does not divide, or `pooling` is unknown.
        """
        divisions = {
            f"heads={self.heads} must divide width={self.width}": self.width % self.heads,
            f"patch_size={self.patch_size} must divide image_size={self.image_size}": self.image_size % self.patch_size,
            f"tubelet_size={self.tubelet_size} must divide num_frames={self.num_frames}": self.num_frames
            % self.tubelet_size,
        }
        for sentence, remainder in divisions.items():
            if remainder:
                raise UserError(f"masked encoder: {sentence}.")
        if self.pooling not in POOLINGS:
            raise UserError(f"masked encoder: unknown pooling {self.pooling!r}.{hint(self.pooling, POOLINGS)}")

    @property
    def grid(self) -> Grid:
        """Tokens along (time, height, width)."""
        return self._grid(self.num_frames, self.image_size)

    @property
    def table_grid(self) -> Grid:
        """Grid for which the position table is computed."""
        return self._grid(self.table_frames or self.num_frames, self.table_size or self.image_size)

    def _grid(self, frames: int, size: int) -> Grid:
        return frames // self.tubelet_size, size // self.patch_size, size // self.patch_size


class TubeEmbed(nn.Module):
    """Linear projection of tubes; its weights are those of a 3-D convolution whose kernel equals its stride.

    Args:
        config: Size of the encoder.
    """

    def __init__(self, config: MaskedViTConfig) -> None:
        super().__init__()
        self.tube = (config.tubelet_size, config.patch_size, config.patch_size)
        self.proj = nn.Conv3d(3, config.width, kernel_size=self.tube, stride=self.tube)

    def forward(self, video: Tensor, visible: Tensor | None = None) -> Tensor:
        """Embeds all tubes of a clip or the visible ones only, without ever computing the others.

        Args:
            video: (B, 3, T, H, W).
            visible: int64 (B, V), indices of the wanted tubes in (t, h, w) order; None for all.

        Returns:
            (B, N, D) or (B, V, D).
        """
        tubes = pick_cells(cells_of(video, *self.tube[:2]), visible)  # (B, N or V, 3, pt, ph, pw)
        return F.linear(tubes.flatten(2), self.proj.weight.flatten(1), self.proj.bias)  # (B, N or V, P) -> (.., D)


class MaskedEncoder(nn.Module):
    """Vision transformer over tubes with fixed sine-cosine positions and no class token.

    Args:
        config: Size and variant. With `pooling="tokens"` weights start as in pretraining, else as in fine-tuning.
    """

    positions: Tensor

    def __init__(self, config: MaskedViTConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_dim = config.width
        self.grid = config.grid
        self.tokens_per_clip = math.prod(config.grid)  # of a whole clip; masked pretraining feeds the visible ones only
        self.input = InputSpec(config.num_frames, config.image_size, IMAGENET_MEAN, IMAGENET_STD)
        self.patch_embed = TubeEmbed(config)
        rates = drop_path_rates(config.drop_path, config.depth)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.mlp_ratio, rate, config.layer_scale) for rate in rates
        )
        per_token = config.pooling != "mean"
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS) if per_token else nn.Identity()
        self.fc_norm = nn.Identity() if per_token else nn.LayerNorm(config.width, eps=NORM_EPS)
        self.apply(init_xavier if config.pooling == "tokens" else init_truncated_normal)
        slots, rows, columns = config.table_grid
        table = interpolate_table(sincos_table(slots * rows * columns, config.width), config.table_grid, config.grid)
        self.register_buffer("positions", table, persistent=False)  # (1, N, D), never in a checkpoint

    def embed(self, video: Tensor, visible: Tensor | None = None) -> Tensor:
        """Tubes with their positions added: what the first block reads.

        Args:
            video: (B, 3, T, H, W), normalised.
            visible: int64 (B, V), indices of the tubes to keep; None for all.

        Returns:
            (B, N, D) or (B, V, D).

        Raises:
            UserError: The clip has another number of frames or size than the encoder's.
        """
        check_clip(video, self.input)
        x = self.patch_embed(video, visible)
        positions = self.positions.to(x)
        return x + (positions if visible is None else positions[0, visible])

    def finish(self, x: Tensor, grid: Grid | None = None) -> Features:
        """The last block's tokens (B, N, D) as features, normalised and pooled as the config says."""
        x = self.norm(x)
        pooled = x[:, 0] if self.config.pooling == "first" else x.mean(dim=1)
        return Features(x, self.fc_norm(pooled), grid or self.grid)

    def forward_full(self, video: Tensor) -> Features:
        """As `forward`, for clips of any height and width in whole patches; positions are interpolated to them.

        Raises:
            UserError: The clip is not in whole patches, or has another number of frames than the encoder's.
        """
        frames, *sides = video.shape[2:]
        patch = self.config.patch_size
        if frames != self.config.num_frames or any(side % patch for side in sides):
            raise UserError(
                f"this encoder reads {self.config.num_frames} frames whose sides are multiples of {patch} pixels, not "
                f"{frames} of {sides[0]} x {sides[1]}: choose another data.short_side or data.num_frames."
            )
        grid = self.grid[0], sides[0] // patch, sides[1] // patch
        x = self.patch_embed(video)
        x = x + interpolate_table(self.positions, self.grid, grid).to(x)
        return self.finish(run_blocks(self.blocks, x, self.config.checkpointing), grid)

    def encode_visible(self, video: Tensor, visible: Tensor) -> Tensor:
        """Tokens (B, V, D) of the visible tubes (B, V), which alone are embedded and see one another."""
        x = self.embed(video, visible)
        return self.norm(run_blocks(self.blocks, x, self.config.checkpointing))

    def forward(self, video: Tensor) -> Features:
        """Normalised clip (B, 3, T, H, W) -> tokens (B, N, D), pooled (B, D), grid (t, h, w).

        Raises:
            UserError: The clip has another number of frames or size than the encoder's.
        """
        return self.finish(run_blocks(self.blocks, self.embed(video), self.config.checkpointing))

"""The multimodal encoder's video tower: CLIP's image transformer with UniFormerV2's global (and local) blocks.

Shapes: B batch, T frames, H x W patches of a frame, L = 1 + H*W tokens of a frame (class token first), D width,
N = T*L tokens of a clip (frame after frame).

- Every frame goes through CLIP's blocks by itself.
- After chosen blocks a global block lets one query token read all frames' tokens. These get a depth-wise position
  encoding first, in a copy: the frames' own stream never sees it.
- The clip's feature is a learned mix of the query token and the mean class token. At the start the global branch is
  silent, so that the normalised feature is the frame average of CLIP's: what CLIP knows is kept
  (InternVideo, arXiv 2212.03191, section 3.1).
- One frame is a clip with T = 1: the same weights read images.

Sources: UniFormerV2 (arXiv 2211.09552) and its public release; the global-only tower of InternVideo's public release.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.clip_layers import MLP_RATIO, Attention, CrossBlock, Mlp
from internvideo_pl.backbones.features import Features, InputSpec
from internvideo_pl.backbones.layers import DropPath, drop_path_rates
from internvideo_pl.backbones.local_mhra import LocalMHRA
from internvideo_pl.backbones.recompute import run_block
from internvideo_pl.errors import UserError
from internvideo_pl.video.transform import CLIP_MEAN, CLIP_STD


@dataclass(kw_only=True)
class VideoTowerConfig:
    """Size and variant of the video tower.

    Attributes:
        size: Height and width of a frame in pixels.
        patch: Height and width of a patch in pixels.
        width: D.
        depth: Number of CLIP blocks.
        heads: Attention heads, in CLIP blocks and global blocks alike.
        global_after: Indices of the CLIP blocks that a global block follows (the release's return_list).
        num_frames: Frames of a clip that the tower is trained with; others work, since no weight depends on them.
        mlp_ratio: Width of the global blocks' MLPs over D.
        global_dropout: Rate inside the global blocks' MLPs. The release trains with 0.5, in alignment too.
        drop_path: Stochastic depth of the CLIP blocks, rising linearly from 0 to this rate. A video skips a branch
            with all its frames; the release drops token positions of the whole batch, a slip of its tensor layout.
        global_drop_path: The same for the global blocks.
        local_mixers: Local temporal mixers in each CLIP block: 0 none, 1 before attention, 2 before the MLP too.
        local_reduction: D over a local mixer's bottleneck width.
        temporal_downsample: Whether patches span 3 frames with stride 2, which halves T.
        frozen: Whether the CLIP part stays as loaded; the feature is then the query token alone.
        checkpointing: Whether CLIP blocks are recomputed in the backward pass to save memory.
    """

    size: int
    patch: int
    width: int
    depth: int
    heads: int
    global_after: tuple[int, ...]
    num_frames: int = 8
    mlp_ratio: float = 4.0
    global_dropout: float = 0.5
    drop_path: float = 0.0
    global_drop_path: float = 0.0
    local_mixers: int = 0
    local_reduction: float = 1.5
    temporal_downsample: bool = False
    frozen: bool = False
    checkpointing: bool = False


def over_patches(layer: Callable[[Tensor], Tensor], x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Adds a volumetric layer's output to the patch tokens and leaves the class tokens alone.

    Args:
        layer: Maps (B, D, T, H, W) to the same shape.
        x: (B, T, L, D) tokens.
        grid: (H, W).
    """
    cls, patches = x[:, :, :1], x[:, :, 1:]
    volume = patches.unflatten(2, grid).permute(0, 4, 1, 2, 3)  # (B, T, HW, D) -> (B, D, T, H, W)
    change = layer(volume).flatten(3).permute(0, 2, 3, 1)  # (B, D, T, H, W) -> (B, T, HW, D)
    return torch.cat([cls, patches + change], dim=2)


class VideoBlock(nn.Module):
    """CLIP's pre-norm block on each frame: x + Attention(LN(x)), x + MLP(LN(x)); optional local temporal mixers.

    Args:
        config: The tower's size and variant.
        drop_path: Rate at which a video skips a residual branch in training.
    """

    def __init__(self, config: VideoTowerConfig, drop_path: float) -> None:
        super().__init__()
        self.attn = Attention(config.width, config.heads)
        self.ln_1 = nn.LayerNorm(config.width)
        self.mlp = Mlp(config.width, MLP_RATIO * config.width)
        self.ln_2 = nn.LayerNorm(config.width)
        self.drop_path = DropPath(drop_path)
        self.lmhra1 = LocalMHRA(config.width, config.local_reduction) if config.local_mixers >= 1 else None
        self.lmhra2 = LocalMHRA(config.width, config.local_reduction) if config.local_mixers >= 2 else None

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """(B, T, L, D) -> (B, T, L, D)."""
        x = self._mix(self.lmhra1, x, grid)
        x = x + self.drop_path(self.attn(self.ln_1(x)))
        x = self._mix(self.lmhra2, x, grid)
        return x + self.drop_path(self.mlp(self.ln_2(x)))

    def _mix(self, mixer: LocalMHRA | None, x: Tensor, grid: tuple[int, int]) -> Tensor:
        return x if mixer is None else over_patches(lambda volume: self.drop_path(mixer(volume)), x, grid)


def _position_encoding(width: int) -> nn.Conv3d:
    layer = nn.Conv3d(width, width, kernel_size=3, padding=1, groups=width)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class VideoTransformer(nn.Module):
    """CLIP blocks over frames, global blocks over the clip, and their fusion.

    Args:
        config: The tower's size and variant.
    """

    def __init__(self, config: VideoTowerConfig) -> None:
        super().__init__()
        width, count = config.width, len(config.global_after)
        self.config = config
        rates = drop_path_rates(config.drop_path, config.depth)
        self.resblocks = nn.ModuleList(VideoBlock(config, rate) for rate in rates)
        self.temporal_cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.dpe = nn.ModuleList(_position_encoding(width) for _ in range(count))
        self.dec = nn.ModuleList(
            CrossBlock(width, config.heads, config.mlp_ratio, config.global_dropout, rate)
            for rate in drop_path_rates(config.global_drop_path, count)
        )
        self.balance = None if config.frozen else nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, grid: tuple[int, int], keep: bool) -> tuple[Tensor, list[Tensor]]:
        """Runs all blocks.

        Args:
            x: (B, T, L, D) embedded tokens.
            grid: (H, W).
            keep: Whether to return every CLIP block's tokens or the last one's only.

        Returns:
            The clip's feature (B, D) and the tokens (B, T, L, D) after each CLIP block.
        """
        query = self.temporal_cls_token.expand(len(x), -1, -1)  # (B, 1, D)
        outputs: list[Tensor] = []
        for i, block in enumerate(self.resblocks):
            x = run_block(block, x, grid, recompute=self.config.checkpointing)
            outputs = [*outputs, x] if keep else [x]
            if i in self.config.global_after:
                j = self.config.global_after.index(i)
                query = self.dec[j](query, over_patches(self.dpe[j], x, grid).flatten(1, 2))  # (B, T*L, D) context
        return self._fuse(query[:, 0], x[:, :, 0].mean(1)), outputs

    def _fuse(self, clip: Tensor, frames: Tensor) -> Tensor:
        if self.balance is None:
            return clip
        weight = self.balance.sigmoid()
        return (1 - weight) * clip + weight * frames


class VideoTower(nn.Module):
    """A clip to tokens and one feature, neither normalised nor projected.

    `tokens` are all tokens of the last CLIP block, (B, T*L, D): for each frame its class token, then its H*W patches;
    so N exceeds T*H*W by T. The caption decoder and the coordination read them as they are. `pooled` is the clip's
    feature (B, D).

    Args:
        config: Size and variant.
    """

    def __init__(self, config: VideoTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_dim = config.width
        self.input = InputSpec(config.num_frames, config.size, CLIP_MEAN, CLIP_STD)
        side = config.size // config.patch
        self.grid = (side, side)
        frames, stride = (3, 2) if config.temporal_downsample else (1, 1)
        self.tokens_per_clip = -(-config.num_frames // stride) * (side * side + 1)  # with each frame's class token
        self.conv1 = nn.Conv3d(
            3,
            config.width,
            kernel_size=(frames, config.patch, config.patch),
            stride=(stride, config.patch, config.patch),
            padding=(frames // 2, 0, 0),
            bias=False,
        )
        std = config.width**-0.5  # CLIP's public model file
        self.class_embedding = nn.Parameter(std * torch.randn(config.width))
        self.positional_embedding = nn.Parameter(std * torch.randn(side * side + 1, config.width))
        self.ln_pre = nn.LayerNorm(config.width)
        self.transformer = VideoTransformer(config)
        if config.frozen:
            self._freeze_clip()

    @property
    def blocks(self) -> nn.ModuleList:
        """The CLIP blocks, first to last."""
        return self.transformer.resblocks

    def forward(self, video: Tensor) -> Features:
        """Normalised clip (B, 3, T, size, size) -> tokens (B, T*L, D), pooled (B, D), grid (T, H, W).

        Raises:
            UserError: The frames have another size than the tower's.
        """
        features, _ = self._run(video, keep=False)
        return features

    def forward_blocks(self, video: Tensor) -> tuple[Features, list[Tensor]]:
        """As `forward`, with the tokens (B, T*L, D) after every CLIP block, first to last."""
        return self._run(video, keep=True)

    def _run(self, video: Tensor, keep: bool) -> tuple[Features, list[Tensor]]:
        x = self._embed(video)
        pooled, outputs = self.transformer(x, self.grid, keep)
        tokens = [output.flatten(1, 2) for output in outputs]  # (B, T, L, D) -> (B, T*L, D)
        return Features(tokens[-1], pooled, (x.shape[1], *self.grid)), tokens

    def _embed(self, video: Tensor) -> Tensor:
        size, (height, width) = self.config.size, video.shape[-2:]
        if (height, width) != (size, size):
            raise UserError(
                f"This video tower takes frames of {size} x {size} pixels, not {height} x {width}: "
                f"set the data's size to {size} or choose another size of the backbone."
            )
        patches = self.conv1(video).flatten(3).permute(0, 2, 3, 1)  # (B, D, T, H, W) -> (B, T, HW, D)
        cls = self.class_embedding.expand(*patches.shape[:2], 1, -1)
        return self.ln_pre(torch.cat([cls, patches], dim=2) + self.positional_embedding)  # (B, T, L, D)

    def _freeze_clip(self) -> None:
        for part in (self.conv1, self.ln_pre, self.blocks):
            part.requires_grad_(False)
        self.class_embedding.requires_grad_(False)
        self.positional_embedding.requires_grad_(False)

"""Coordination of the two encoders by cross-model attention, InternVideo's central idea.

Shapes: B batch, N masked tokens, M multimodal tokens (frame after frame), D masked width, C multimodal width.

What the paper says (arXiv 2212.03191, section 3.3 and figure 4): both encoders are frozen; a trainable cross-attention
and feed-forward pair, gated by tanh as in Flamingo, stands in front of the frozen self-attention and feed-forward of
masked-encoder blocks, with masked tokens as queries and the output tokens of multimodal blocks as keys and values; at
the end the multimodal class token queries all masked tokens; two classifiers are added up.

What it does not say, and is chosen here: which blocks are paired (the last ones, in order), heads and feed-forward
width (the encoder's, ratio 4), LayerNorm on queries and keys, one scalar gate a branch, gates on the last pair too, the
class token (the tower's pooled feature, which its own classifier reads), a learned embedding of the frame on
the keys (multimodal tokens carry no time of their own). No code of the authors' exists to compare with.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.cross import Gate, GatedCrossBlock
from internvideo_pl.backbones.features import JointInput
from internvideo_pl.backbones.layers import run_blocks
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.positions import Grid
from internvideo_pl.backbones.recompute import run_block
from internvideo_pl.backbones.sharding import whole
from internvideo_pl.backbones.video_tower import VideoTower
from internvideo_pl.errors import UserError, hint

KEY_SOURCES = ("multimodal", "masked")
BRIDGE_SEED = 0  # any fixed seed: the bridge is a constant, equal in all runs


@dataclass(kw_only=True)
class CoordinateConfig:
    """Where and how the encoders meet.

    Attributes:
        num_pairs: The last so many blocks of both encoders are paired. 2 is ours: with it ViT-H and UniFormerV2-L come
            to the paper's rounded 1.0 B parameters, with 4 they would not.
        masked_blocks: Masked blocks that a pair stands in front of, ascending; None for the last `num_pairs`.
        multimodal_blocks: The multimodal blocks whose outputs they read, in the same order; None likewise.
        heads: Heads of the inserted attention; None for the masked encoder's.
        final_heads: Heads of the last attention; None for the video tower's.
        mlp_ratio: Hidden width of the inserted feed-forward layers over their width.
        gate_scale: Gates are tanh(gate_scale * g). 1 is Flamingo's; short runs need more to open at all.
        gate_final: Whether the last pair is gated too.
        frame_embedding: Whether a learned embedding of the frame is added to the inserted attention's keys.
        keys_from: "multimodal", or "masked" for the control: the same trainable modules, fed with the masked encoder's
            own tokens, without any multimodal encoder.
    """

    num_pairs: int = 2
    masked_blocks: list[int] | None = None
    multimodal_blocks: list[int] | None = None
    heads: int | None = None
    final_heads: int | None = None
    mlp_ratio: float = 4.0
    gate_scale: float = 1.0
    gate_final: bool = True
    frame_embedding: bool = True
    keys_from: str = "multimodal"

    def __post_init__(self) -> None:
        """Refuses an unknown source of keys.

        Raises:
            UserError: `keys_from` is unknown.
        """
        if self.keys_from not in KEY_SOURCES:
            raise UserError(f"coordination: unknown keys_from {self.keys_from!r}.{hint(self.keys_from, KEY_SOURCES)}")

    def pairs(self, masked_depth: int, multimodal_depth: int) -> list[tuple[int, int]]:
        """(masked block, multimodal block) of every pair, ascending.

        Raises:
            UserError: The lists differ in length, leave the encoders' depth, or are not ascending.
        """
        masked = _blocks("masked_blocks", self.masked_blocks, self.num_pairs, masked_depth)
        multimodal = _blocks("multimodal_blocks", self.multimodal_blocks, self.num_pairs, multimodal_depth)
        if len(masked) != len(multimodal):
            raise UserError(
                f"coordination: {len(masked)} masked_blocks cannot be paired with {len(multimodal)} multimodal_blocks."
            )
        return list(zip(masked, multimodal, strict=True))


def _blocks(name: str, chosen: list[int] | None, count: int, depth: int) -> list[int]:
    blocks = list(range(depth - count, depth)) if chosen is None else list(chosen)
    if not blocks or blocks != sorted(set(blocks)) or blocks[0] < 0 or blocks[-1] >= depth:
        raise UserError(
            f"coordination: {name}={blocks} must be ascending and within the encoder's blocks, 0 to {depth - 1}."
        )
    return blocks


class Bridge(nn.Module):
    """A constant orthogonal map from one width to another; only the control needs it, to keep all shapes.

    Args:
        width: D, of what comes in.
        target: C, of what goes out; where it equals D nothing happens.
    """

    weight: Tensor

    def __init__(self, width: int, target: int) -> None:
        super().__init__()
        self.passes = width == target
        if not self.passes:
            generator = torch.Generator().manual_seed(BRIDGE_SEED)
            weight = nn.init.orthogonal_(torch.empty(target, width, device="cpu"), generator=generator)
            self.register_buffer("weight", weight)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., C)."""
        return x if self.passes else nn.functional.linear(x, self.weight.to(x))

    def pull_back(self, weight: Tensor) -> Tensor:
        """Rows (K, C) that score a mapped feature as rows (K, D) score the feature itself (exactly if C >= D)."""
        return weight.clone() if self.passes else weight @ self.weight.to(weight).T


class FrozenTokens(NamedTuple):
    """What the frozen encoders contribute to a clip; it never changes in training, so it may be kept.

    Attributes:
        tokens: (B, N, D), what the first paired masked block would read.
        contexts: Keys and values of each pair, (B, M, C).
        class_token: (B, C), the query of the last pair.
        slots: Frames (or temporal slots) of the contexts.
    """

    tokens: Tensor
    contexts: list[Tensor]
    class_token: Tensor
    slots: int


class CoordinatedFeatures(NamedTuple):
    """Features of both branches; the first three fields are those of any video backbone.

    Attributes:
        tokens: (B, N, D), the masked encoder's.
        pooled: (B, D), the masked encoder's.
        grid: Masked tokens along (time, height, width).
        class_token: (B, C), the multimodal encoder's.
    """

    tokens: Tensor
    pooled: Tensor
    grid: Grid
    class_token: Tensor


class CoordinatedEncoder(nn.Module):
    """Two frozen encoders and the trainable attention between them.

    Args:
        masked: The masked encoder, fine-tuned or post-trained; frozen here, in place.
        tower: The multimodal encoder's video tower; frozen here, in place. The control (`keys_from="masked"`) takes
            only its shapes, so that both have the same trainable parameters, and does not keep it.
        config: Where and how they meet.

    Raises:
        UserError: The pairing does not fit the encoders.
    """

    def __init__(self, masked: MaskedEncoder, tower: VideoTower, config: CoordinateConfig) -> None:
        super().__init__()
        self.config, self.tower_config = config, tower.config
        self.embed_dim, self.class_dim = masked.embed_dim, tower.embed_dim
        self.pairs = config.pairs(len(masked.blocks), len(tower.blocks))
        self.masked = masked.requires_grad_(False)
        self.tower = tower.requires_grad_(False) if config.keys_from == "multimodal" else None
        self.bridge = Bridge(masked.embed_dim, tower.embed_dim) if config.keys_from == "masked" else None
        self.input = JointInput((masked.input, tower.input) if self.tower is not None else (masked.input,))
        heads, final_heads = config.heads or masked.config.heads, config.final_heads or tower.config.heads
        _check_heads(heads, self.embed_dim, "heads")
        _check_heads(final_heads, self.class_dim, "final_heads")
        self.cross = nn.ModuleList(
            GatedCrossBlock(self.embed_dim, self.class_dim, heads, config.mlp_ratio, config.gate_scale)
            for _ in self.pairs
        )
        final_scale = config.gate_scale if config.gate_final else None
        self.final = GatedCrossBlock(self.class_dim, self.embed_dim, final_heads, config.mlp_ratio, final_scale)
        self.frame_embedding = (
            nn.Parameter(torch.zeros(tower.input.num_frames, self.class_dim)) if config.frame_embedding else None
        )
        self.train(self.training)

    @property
    def blocks(self) -> nn.ModuleList:
        """The masked encoder's blocks."""
        return self.masked.blocks

    def train(self, mode: bool = True) -> "CoordinatedEncoder":
        """Training mode for the new modules; the frozen encoders always stay in evaluation mode."""
        super().train(mode)
        self.masked.eval()
        if self.tower is not None:
            self.tower.eval()
        return self

    @torch.no_grad()
    def encode_frozen(self, videos: tuple[Tensor, ...]) -> FrozenTokens:
        """Everything that the frozen encoders compute on their own.

        Args:
            videos: (B, 3, T, H, W) for the masked encoder, then for the video tower (none in the control), as
                `input.prepare` makes them.
        """
        first = self.pairs[0][0]
        tokens = run_blocks(self.masked.blocks[:first], self.masked.embed(videos[0]))
        if self.tower is None:
            return self._own_tokens(tokens, first)
        features, outputs = self.tower.forward_blocks(videos[1])
        contexts = [outputs[block] for _, block in self.pairs]
        return FrozenTokens(tokens, contexts, features.pooled, features.grid[0])

    def _own_tokens(self, tokens: Tensor, first: int) -> FrozenTokens:
        """The control's contexts: outputs of the paired masked blocks, untouched by any cross-attention."""
        assert self.bridge is not None
        x, outputs = tokens, {}
        for i, block in enumerate(self.masked.blocks[first:], start=first):
            outputs[i] = x = block(x)
        features = self.masked.finish(x)
        contexts = [self.bridge(outputs[block]) for block, _ in self.pairs]
        return FrozenTokens(tokens, contexts, self.bridge(features.pooled), features.grid[0])

    def coordinate(self, frozen: FrozenTokens) -> CoordinatedFeatures:
        """The trainable part, with the frozen blocks that stand behind it."""
        place = {block: k for k, (block, _) in enumerate(self.pairs)}
        time, recompute = self._time(frozen), self.masked.config.checkpointing
        x = frozen.tokens
        for i in range(self.pairs[0][0], len(self.masked.blocks)):
            if i in place:
                x = run_block(self.cross[place[i]], x, frozen.contexts[place[i]], time, recompute=recompute)
            x = run_block(self.masked.blocks[i], x, recompute=recompute)
        class_token = self.final(frozen.class_token[:, None], x)[:, 0]  # one query: (B, 1, C) -> (B, C)
        return CoordinatedFeatures(*self.masked.finish(x), class_token)

    def forward(self, videos: tuple[Tensor, ...]) -> CoordinatedFeatures:
        """Clips as `input.prepare` makes them -> tokens (B, N, D), pooled (B, D), grid, class token (B, C).

        Raises:
            UserError: A clip has another number of frames or size than its encoder's.
        """
        return self.coordinate(self.encode_frozen(videos))

    def gates(self) -> dict[str, float]:
        """How far each gate is open, tanh(scale * g) in (-1, 1), by the name of its module."""
        gates = {name: module for name, module in self.named_modules() if isinstance(module, Gate)}
        return {name: whole(gate.opening()).item() for name, gate in gates.items()}

    def _time(self, frozen: FrozenTokens) -> Tensor | None:
        if self.frame_embedding is None:
            return None
        rows = len(self.frame_embedding)
        slot = torch.arange(frozen.slots, device=self.frame_embedding.device)
        per_slot = frozen.contexts[0].shape[1] // frozen.slots  # tokens of one frame
        return self.frame_embedding[slot * rows // frozen.slots].repeat_interleave(per_slot, dim=0)  # (M, C)


def _check_heads(heads: int, width: int, name: str) -> None:
    if width % heads:
        raise UserError(f"coordination: {name}={heads} must divide a width of {width}.")

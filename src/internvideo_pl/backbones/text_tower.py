"""The text tower: CLIP's causal transformer over byte-pair tokens.

Shapes: B batch, L text length, W text width, H heads.
Sources: CLIP (arXiv 2103.00020, section 2.4) and its public model file; InternVideo (arXiv 2212.03191) keeps it
and adds one learned embedding for masked words.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.clip_layers import MLP_RATIO, Attention, KeyValueCache, Mlp
from internvideo_pl.backbones.recompute import run_block
from internvideo_pl.errors import UserError

LAYER_NORM_EPS = 1e-5  # CLIP's; the masked encoder uses 1e-6
TOKEN_STD, POSITION_STD = 0.02, 0.01  # CLIP's public model file, initialize_parameters


class TextFeatures(NamedTuple):
    """What the text tower returns.

    Attributes:
        tokens: (B, L, W) features of every position after the last layer norm; the caption decoder reads them.
        pooled: (B, W) the feature at the end token, before any projection.
    """

    tokens: Tensor
    pooled: Tensor


@dataclass(kw_only=True)
class TextTowerConfig:
    """Size of the text tower.

    Attributes:
        width: W.
        depth: Number of blocks.
        heads: H; CLIP uses W / 64.
        vocab_size: Number of byte-pair tokens; the end token is the largest id.
        context_length: Longest sentence in tokens, start and end tokens included.
        checkpointing: Whether blocks are recomputed in the backward pass to save memory.
    """

    width: int
    depth: int
    heads: int
    vocab_size: int = 49408
    context_length: int = 77
    checkpointing: bool = False


class TextBlock(nn.Module):
    """CLIP's pre-norm block with causal attention: x + Attention(LN(x)), then x + MLP(LN(x)).

    Args:
        width: W.
        heads: H.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Mlp(width, MLP_RATIO * width)
        self.ln_2 = nn.LayerNorm(width)

    def initialize(self, depth: int) -> None:
        """CLIP's start values: output layers shrink with the stack's depth (public model file)."""
        width = self.ln_1.normalized_shape[0]
        nn.init.normal_(self.attn.in_proj_weight, std=width**-0.5)
        nn.init.normal_(self.mlp.c_fc.weight, std=(2 * width) ** -0.5)
        for last in (self.attn.out_proj, self.mlp.c_proj):
            nn.init.normal_(last.weight, std=width**-0.5 * (2 * depth) ** -0.5)

    def forward(self, x: Tensor, cache: KeyValueCache | None = None, layer: str = "") -> Tensor:
        """(B, L, W) -> (B, L, W); cache and layer as in `Attention`."""
        x = x + self.attn(self.ln_1(x), causal=True, cache=cache, layer=layer)
        return x + self.mlp(self.ln_2(x))


class TextTransformer(nn.Module):
    """The stack of causal blocks.

    Args:
        config: The tower's size.
    """

    def __init__(self, config: TextTowerConfig) -> None:
        super().__init__()
        blocks = [TextBlock(config.width, config.heads) for _ in range(config.depth)]
        for block in blocks:
            block.initialize(config.depth)
        self.resblocks = nn.ModuleList(blocks)
        self.checkpointing = config.checkpointing

    def forward(self, x: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """(B, L, W) -> (B, L, W); with a cache, L counts the newest tokens only."""
        for i, block in enumerate(self.resblocks):
            x = run_block(block, x, cache, f"text.{i}", recompute=self.checkpointing and cache is None)
        return x


class TextTower(nn.Module):
    """Token ids to text features.

    Because every token sees only earlier ones, a batch may be shorter than the context length: the features of its
    positions do not change with the padding behind them.

    Args:
        config: The tower's size.
    """

    def __init__(self, config: TextTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, config.width))
        self.text_mask_embedding = nn.Parameter(torch.empty(1, 1, config.width))  # released files carry it
        self.transformer = TextTransformer(config)
        self.ln_final = nn.LayerNorm(config.width, eps=LAYER_NORM_EPS)
        nn.init.normal_(self.token_embedding.weight, std=TOKEN_STD)
        nn.init.normal_(self.positional_embedding, std=POSITION_STD)
        nn.init.normal_(self.text_mask_embedding, std=TOKEN_STD)

    @property
    def width(self) -> int:
        """W."""
        return self.config.width

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer blocks, first to last."""
        return self.transformer.resblocks

    def forward(self, ids: Tensor, masked: Tensor | None = None) -> TextFeatures:
        """Encodes sentences.

        Args:
            ids: (B, L) int64 token ids, padded with 0; L at most the context length.
            masked: (B, L) bool; these tokens' embeddings are replaced by the learned mask embedding.

        Raises:
            UserError: The sentences are longer than the context.
        """
        x = self._embed(ids, start=0)
        if masked is not None:
            position = self.positional_embedding[: ids.shape[1]]
            x = torch.where(masked[..., None], self.text_mask_embedding + position, x)
        tokens = self.ln_final(self.transformer(x))
        return TextFeatures(tokens, tokens[torch.arange(len(ids), device=ids.device), end_positions(ids)])

    def step(self, ids: Tensor, cache: KeyValueCache) -> Tensor:
        """Features (B, n, W) of the n newest tokens (B, n), given a cache of the earlier ones.

        The caller advances `cache.length` by n when every layer that shares the cache has run.
        """
        return self.ln_final(self.transformer(self._embed(ids, cache.length), cache))

    def _embed(self, ids: Tensor, start: int) -> Tensor:
        stop = start + ids.shape[1]
        if stop > self.config.context_length:
            raise UserError(
                f"Text of {stop} tokens does not fit a context of {self.config.context_length}: "
                "let the tokenizer truncate it (context_length)."
            )
        return self.token_embedding(ids) + self.positional_embedding[start:stop]  # (B, n, W)


def end_positions(ids: Tensor) -> Tensor:
    """Position (B,) of each sentence's end token in (B, L) ids: the largest id (CLIP's public model file)."""
    return ids.argmax(dim=-1)

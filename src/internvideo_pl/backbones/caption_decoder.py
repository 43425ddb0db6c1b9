"""The caption decoder: a causal decoder that reads text features and looks at the clip's tokens.

Shapes: B batch, L text length, N visual tokens, Q visual queries, W text width, D visual width, V vocabulary.
It learns to predict the next word of the caption (not masked words), on top of the text tower that alignment uses.
Sources: CoCa (arXiv 2205.01917); InternVideo (arXiv 2212.03191, section 3.1) says 6 layers with width 768, its public
release builds 4 by default: the number is config, and follows the keys of a released file.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.caption_layers import CaptionLayer, CrossLayer
from internvideo_pl.backbones.clip_layers import KeyValueCache
from internvideo_pl.backbones.recompute import run_block

WEIGHT_STD = 0.02  # public release: every linear map and embedding of the decoder


@dataclass(kw_only=True)
class CaptionDecoderConfig:
    """Size of the caption decoder.

    Attributes:
        width: W, the text tower's width.
        depth: Number of layers, each a causal self layer and a cross layer.
        heads: Query heads; W / 64 in the release.
        vision_width: D, the video tower's width.
        vocab_size: V, the text tower's vocabulary.
        queries: Q, how many learned queries summarise the clip.
        checkpointing: Whether layers are recomputed in the backward pass to save memory.
    """

    width: int
    depth: int
    heads: int
    vision_width: int
    vocab_size: int = 49408
    queries: int = 256
    checkpointing: bool = False


class CaptionState(NamedTuple):
    """What decoding token by token carries along.

    Attributes:
        contexts: For each layer the keys and values (B, Q, d) of the pooled clip.
        cache: Keys and values of the words so far.
    """

    contexts: list[tuple[Tensor, Tensor]]
    cache: KeyValueCache


class CaptionDecoder(nn.Module):
    """Text features and visual tokens to next-word logits.

    Args:
        config: The decoder's size.
    """

    def __init__(self, config: CaptionDecoderConfig) -> None:
        super().__init__()
        self.config = config
        width, heads = config.width, config.heads
        self.visual_queries = nn.Parameter(width**-0.5 * torch.randn(config.queries, width))
        self.visual_attn_pooler = CrossLayer(width, heads, config.vision_width, norm_context=True, feed_forward=False)
        self.visual_pooler_norm = nn.LayerNorm(width)
        self.text_norm = nn.LayerNorm(width)
        self.multimodal_layers = nn.ModuleList(CaptionLayer(width, heads) for _ in range(config.depth))
        self.predictor = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.GELU(),
            nn.LayerNorm(width),
            nn.Linear(width, config.vocab_size),
        )
        self.apply(_initialize)

    def pool(self, visual: Tensor) -> Tensor:
        """Visual tokens (B, N, D), in any order -> the queries' summary of them (B, Q, W)."""
        queries = self.visual_queries.expand(len(visual), -1, -1)
        pooler = self.visual_attn_pooler
        return self.visual_pooler_norm(pooler(queries, pooler.keys_values(visual)))

    def features(self, visual: Tensor, text: Tensor) -> Tensor:
        """Decoder features before the word predictor.

        Args:
            visual: (B, N, D) tokens of the clip.
            text: (B, L, W) features from the text tower.

        Returns:
            (B, L, W). Position i has seen words 0..i and the clip.
        """
        return self._decode(text, self._contexts(visual), cache=None)

    def forward(self, visual: Tensor, text: Tensor) -> Tensor:
        """Logits (B, L, V) of the word after each position; arguments as in `features`."""
        return self.predictor(self.features(visual, text))

    def start(self, visual: Tensor) -> CaptionState:
        """Reads the clip's tokens (B, N, D) once, before decoding token by token."""
        return CaptionState(self._contexts(visual), KeyValueCache())

    def step(self, text: Tensor, state: CaptionState) -> Tensor:
        """Logits (B, V) of the next word, given the newest n words' text features (B, n, W).

        The caller advances `state.cache.length` by n.
        """
        return self.predictor(self._decode(text, state.contexts, state.cache)[:, -1])

    def _contexts(self, visual: Tensor) -> list[tuple[Tensor, Tensor]]:
        pooled = self.pool(visual)
        return [layer.keys_values(pooled) for layer in self._layers()]

    def _decode(self, text: Tensor, contexts: list[tuple[Tensor, Tensor]], cache: KeyValueCache | None) -> Tensor:
        x = self.text_norm(text)
        for i, layer in enumerate(self._layers()):
            recompute = self.config.checkpointing and cache is None
            x = run_block(layer, x, contexts[i], cache, f"decoder.{i}", recompute=recompute)
        return x

    def _layers(self) -> list[CaptionLayer]:
        return [layer for layer in self.multimodal_layers if isinstance(layer, CaptionLayer)]


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=WEIGHT_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

"""The transformer blocks of CLIP, shared by the video tower and the text tower.

Shapes: B batch, N query tokens, M context tokens, D width, H heads, d head width (D / H); `...` any leading dimensions.
Parameter names are those of OpenAI's CLIP (`attn.in_proj_weight`, `mlp.c_fc`, ...), so that its weights load by name.
Sources: CLIP (arXiv 2103.00020) and its public model file; UniFormerV2 (arXiv 2211.09552) for the cross block.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.attention import attend
from internvideo_pl.backbones.layers import DropPath

QUICK_GELU_SLOPE = 1.702  # CLIP's public model file; not the erf GELU of the masked encoder
MLP_RATIO = 4  # CLIP, every size


def quick_gelu(x: Tensor) -> Tensor:
    """CLIP's approximation of GELU, x * sigmoid(1.702 x).

    Written with silu, whose fused backward pass was measured 7 times faster in float32 (CPU) and keeps one tensor less.
    """
    return F.silu(QUICK_GELU_SLOPE * x).div_(QUICK_GELU_SLOPE)  # in place: the backward pass needs silu's input alone


class KeyValueCache:
    """Keys and values of the tokens decoded so far, one pair a layer, for decoding one token at a time.

    Attributes:
        length: Number of positions stored. The owner of the cache advances it once all layers have appended.
    """

    def __init__(self) -> None:
        self.layers: dict[str, tuple[Tensor, Tensor]] = {}
        self.length = 0

    def append(self, layer: str, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the newest positions of one layer and returns everything that layer has seen.

        Args:
            layer: Name of the layer, unique within one cache.
            key: (B, H, n, d) keys of the n newest positions.
            value: (B, H, n, d) their values.
        """
        if layer in self.layers:
            past_key, past_value = self.layers[layer]
            key, value = torch.cat([past_key, key], dim=2), torch.cat([past_value, value], dim=2)
        self.layers[layer] = (key, value)
        return key, value

    def reorder(self, index: Tensor) -> None:
        """Keeps the rows `index` (int64, (B',)) of every layer: how beam search follows its beams."""
        self.layers = {name: (key[index], value[index]) for name, (key, value) in self.layers.items()}


class Attention(nn.Module):
    """Multi-head attention with the parameters and the start values of `nn.MultiheadAttention`.

    Args:
        width: D.
        heads: H; divides the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        assert width % heads == 0, f"{heads} heads do not divide a width of {width}"
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, N, D) -> (B, H, N, d)

    def _merge(self, x: Tensor) -> Tensor:
        return self.out_proj(x.transpose(1, 2).flatten(2))  # (B, H, N, d) -> (B, N, D)

    def forward(self, x: Tensor, causal: bool = False, cache: KeyValueCache | None = None, layer: str = "") -> Tensor:
        """Self-attention over the tokens of x, (..., N, D) -> (..., N, D).

        Args:
            x: (..., N, D); with a cache (B, N, D), the newest tokens only.
            causal: Whether token i sees tokens 0..i only.
            cache: Where the earlier tokens' keys and values are; needs `causal` and, once filled, N = 1.
            layer: This layer's name in the cache.
        """
        qkv = F.linear(x.flatten(0, -3), self.in_proj_weight, self.in_proj_bias)  # one batch: fused kernels take 4-D
        q, k, v = (self._split(part) for part in qkv.chunk(3, dim=-1))
        if cache is not None:
            assert causal, "a cache is for causal attention"
            assert cache.length == 0 or x.shape[-2] == 1, "a filled cache takes one token at a time"
            causal = cache.length == 0  # the newest token alone sees every earlier one: no mask needed
            k, v = cache.append(layer, k, v)
        return self._merge(attend(q, k, v, causal=causal)).view(x.shape)

    def cross(self, x: Tensor, context: Tensor) -> Tensor:
        """Cross-attention of x (B, N, D) to a context (B, M, D) -> (B, N, D)."""
        width = x.shape[-1]
        w_q, w_kv = self.in_proj_weight.split([width, 2 * width])
        b_q, b_kv = self.in_proj_bias.split([width, 2 * width])
        q = self._split(F.linear(x, w_q, b_q))
        k, v = (self._split(part) for part in F.linear(context, w_kv, b_kv).chunk(2, dim=-1))
        return self._merge(attend(q, k, v))


class Mlp(nn.Module):
    """Linear, QuickGELU, dropout, Linear.

    Args:
        width: D.
        hidden: Width between the two layers.
        dropout: Rate between the two layers.
    """

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, hidden)
        self.c_proj = nn.Linear(hidden, width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return self.c_proj(F.dropout(quick_gelu(self.c_fc(x)), self.dropout, self.training))


class CrossBlock(nn.Module):
    """UniFormerV2's global block: one query token reads every token of every frame.

    x + Attention(LN(x), LN(context)), then x + MLP(LN(x)). Both output layers start at zero, so that a fresh block
    passes its query on unchanged (UniFormerV2; InternVideo keeps it).

    Args:
        width: D.
        heads: H.
        mlp_ratio: Width of the MLP over D.
        dropout: Rate inside the MLP. The reference trains with 0.5, also in contrastive pre-training.
        drop_path: Rate at which a sample skips a residual branch in training.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: float, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Mlp(width, round(mlp_ratio * width), dropout)
        self.ln_2 = nn.LayerNorm(width)
        self.ln_3 = nn.LayerNorm(width)
        self.drop_path = DropPath(drop_path)
        nn.init.xavier_uniform_(self.mlp.c_fc.weight)
        for last in (self.attn.out_proj, self.mlp.c_proj):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Query tokens (B, N, D) and context (B, M, D) -> (B, N, D)."""
        x = x + self.drop_path(self.attn.cross(self.ln_1(x), self.ln_3(context)))
        return x + self.drop_path(self.mlp(self.ln_2(x)))

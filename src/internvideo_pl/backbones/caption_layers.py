"""The layers of the caption decoder: CoCa-style blocks with one key and value head shared by all query heads.

Shapes: B batch, N query tokens, M context tokens, W width, C context width, H heads, d head width (W / H).
Each layer runs attention and a SwiGLU feed-forward on the same normalised input and adds both (a "parallel" block);
no linear map has a bias. Key names are those of InternVideo's public release.
Sources: CoCa (arXiv 2205.01917); parallel blocks and shared keys from PaLM (arXiv 2204.02311); rotary positions from
RoFormer (arXiv 2104.09864); InternVideo's public release for the exact arrangement.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.attention import attend
from internvideo_pl.backbones.clip_layers import KeyValueCache

FF_RATIO = 4  # public release, ff_mult
ROTARY_BASE = 10000.0  # RoFormer, section 3.2.2


class ScaleNorm(nn.Module):
    """Layer norm with a learned scale and a bias fixed at zero, which released files store as `beta`.

    Args:
        width: W.
    """

    beta: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.register_buffer("beta", torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., W) -> (..., W)."""
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta)


class RotaryPositions(nn.Module):
    """Rotates query and key halves by an angle that grows with the position.

    Args:
        head_width: d, even.
    """

    inv_freq: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", ROTARY_BASE ** -(torch.arange(0, head_width, 2).float() / head_width))

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """(..., N, d) at positions start .. start + N - 1 -> the same, rotated."""
        position = torch.arange(start, start + x.shape[-2], device=x.device, dtype=self.inv_freq.dtype)
        angle = torch.outer(position, self.inv_freq).repeat(1, 2)  # (N, d): both halves turn by the same angles
        first, second = x.chunk(2, dim=-1)
        turned = torch.cat([-second, first], dim=-1)
        return (x * angle.cos() + turned * angle.sin()).to(x.dtype)


class SwiGLU(nn.Module):
    """silu(second half) * first half, (..., 2 F) -> (..., F) (arXiv 2002.05202)."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., 2 F) -> (..., F)."""
        value, gate = x.chunk(2, dim=-1)
        return F.silu(gate) * value


def attend_shared(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    """Attention of many query heads to one shared key and value head.

    Args:
        q: (B, H, N, d) queries.
        k: (B, M, d) shared keys.
        v: (B, M, d) shared values.
        causal: Whether query i sees keys 0..i only.

    Returns:
        (B, N, W).
    """
    return attend(q, k[:, None], v[:, None], causal=causal).transpose(1, 2).flatten(2)  # (B, H, N, d) -> (B, N, W)


def _heads(q: Tensor, key: Tensor) -> Tensor:
    return q.unflatten(-1, (-1, key.shape[-1])).transpose(1, 2)  # (B, N, W) -> (B, H, N, d)


class CausalSelfLayer(nn.Module):
    """Causal self-attention with rotary positions, and a feed-forward beside it, from one fused projection.

    Args:
        width: W.
        heads: H.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        head, hidden = width // heads, FF_RATIO * width
        self.sizes = [width, head, head, 2 * hidden]  # queries, shared keys, shared values, feed-forward
        self.norm = ScaleNorm(width)
        self.rotary_emb = RotaryPositions(head)
        self.fused_attn_ff_proj = nn.Linear(width, sum(self.sizes), bias=False)
        self.attn_out = nn.Linear(width, width, bias=False)
        self.ff_out = nn.Sequential(SwiGLU(), nn.Linear(hidden, width, bias=False))

    def forward(self, x: Tensor, cache: KeyValueCache | None = None, layer: str = "") -> Tensor:
        """(B, N, W) -> (B, N, W).

        Args:
            x: Tokens; with a cache, the newest ones only, and one at a time once it is filled.
            cache: Keys and values of the earlier tokens.
            layer: This layer's name in the cache.
        """
        q, k, v, ff = self.fused_attn_ff_proj(self.norm(x)).split(self.sizes, dim=-1)
        start = 0 if cache is None else cache.length
        q = self.rotary_emb(_heads(q, k), start)
        k = self.rotary_emb(k, start)
        if cache is not None:
            assert start == 0 or x.shape[1] == 1, "a filled cache takes one token at a time"
            k, v = (shared[:, 0] for shared in cache.append(layer, k[:, None], v[:, None]))
        return self.attn_out(attend_shared(q, k, v, causal=start == 0)) + self.ff_out(ff)


class CrossLayer(nn.Module):
    """Attention to a context, with an optional feed-forward beside it.

    Args:
        width: W.
        heads: H.
        context_width: C.
        norm_context: Whether the context gets its own norm.
        feed_forward: Whether the parallel feed-forward is there.
    """

    def __init__(self, width: int, heads: int, context_width: int, norm_context: bool, feed_forward: bool) -> None:
        super().__init__()
        hidden = FF_RATIO * width
        self.norm = ScaleNorm(width)
        self.context_norm = ScaleNorm(context_width) if norm_context else nn.Identity()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(context_width, 2 * (width // heads), bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        self.ff = (
            nn.Sequential(nn.Linear(width, 2 * hidden, bias=False), SwiGLU(), nn.Linear(hidden, width, bias=False))
            if feed_forward
            else None
        )

    def keys_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Shared keys and values (B, M, d) of a context (B, M, C); computed once when decoding token by token."""
        key, value = self.to_kv(self.context_norm(context)).chunk(2, dim=-1)
        return key, value

    def forward(self, x: Tensor, context: tuple[Tensor, Tensor]) -> Tensor:
        """Queries (B, N, W) and `keys_values` of the context -> (B, N, W)."""
        y = self.norm(x)
        key, value = context
        out = self.to_out(attend_shared(_heads(self.to_q(y), key), key, value))
        return out if self.ff is None else out + self.ff(y)


class Residual(nn.Module):
    """x + fn(x, ...); it gives the wrapped layer the released key prefix `fn`.

    Args:
        fn: The layer.
    """

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor, *args: object) -> Tensor:
        """(B, N, W) -> (B, N, W)."""
        return x + self.fn(x, *args)


class CaptionLayer(nn.ModuleList):
    """One layer of the decoder: causal self layer, then cross layer, each residual.

    It is a list of the two, because released files number them 0 and 1.

    Args:
        width: W.
        heads: H.
    """

    def __init__(self, width: int, heads: int) -> None:
        cross = CrossLayer(width, heads, width, norm_context=False, feed_forward=True)
        super().__init__([Residual(CausalSelfLayer(width, heads)), Residual(cross)])

    def keys_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """The cross layer's keys and values (B, M, d) of a context (B, M, W)."""
        cross = self[1].fn
        assert isinstance(cross, CrossLayer)
        return cross.keys_values(context)

    def forward(self, x: Tensor, context: tuple[Tensor, Tensor], cache: KeyValueCache | None, layer: str) -> Tensor:
        """Words (B, N, W) and the context's `keys_values` -> (B, N, W); cache and layer as in `CausalSelfLayer`."""
        return self[1](self[0](x, cache, layer), context)

"""The transformer layers of the masked encoder.

Shapes: B batch, N tokens, Q query tokens, D width, H heads, d head width (D / H).
Sources: VideoMAE (arXiv 2203.12602) and its public model files, whose parameter names are kept.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.attention import attend
from internvideo_pl.backbones.recompute import run_block

NORM_EPS = 1e-6  # every LayerNorm of VideoMAE's model files; CLIP's use 1e-5


class DropPath(nn.Module):
    """Stochastic depth (arXiv 1603.09382): drops a residual branch for whole samples, rescaling those kept.

    Args:
        rate: Probability of dropping, in [0, 1).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        assert 0 <= rate < 1, rate
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Branch (B, ...) with dropped samples set to zero; unchanged in evaluation."""
        if not self.training or self.rate == 0:
            return branch
        keep = 1 - self.rate
        # Not drawn by `bernoulli_`: a compiler would make a graph for the rate of every block.
        kept = torch.rand(branch.shape[0], *[1] * (branch.ndim - 1), device=branch.device) < keep
        return branch * (kept.to(branch.dtype) / keep)

    def extra_repr(self) -> str:
        """The rate, for print(module)."""
        return f"rate={self.rate}"


class Attention(nn.Module):
    """Self-attention with a bias on queries and values only: a key bias cannot change a softmax over keys.

    Args:
        width: D.
        heads: H; divides the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        assert width % heads == 0, f"{heads} heads do not divide a width of {width}"
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, last: int | None = None) -> Tensor:
        """Self-attention over the tokens of x, (B, N, D) -> (B, N, D).

        Args:
            x: Tokens.
            last: How many tokens ask and are returned, the last ones of x; None for all. All of them answer.
        """
        bias = torch.cat([self.q_bias, torch.zeros_like(self.v_bias), self.v_bias])
        if last is None:
            qkv = F.linear(x, self.qkv.weight, bias).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, H, d)
            query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, N, d)
        else:
            width = x.shape[-1]
            (w_q, w_kv), (b_q, b_kv) = (part.split([width, 2 * width]) for part in (self.qkv.weight, bias))
            query = F.linear(x[:, -last:], w_q, b_q).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, Q, d)
            key, value = F.linear(x, w_kv, b_kv).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(attend(query, key, value).transpose(1, 2).flatten(2))  # (B, H, Q, d) -> (B, Q, D)


class Mlp(nn.Module):
    """Two linear layers with an exact (erf) GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm transformer block: x += Attention(norm1 x), x += Mlp(norm2 x), each with stochastic depth.

    Args:
        width: D.
        heads: H.
        mlp_ratio: Hidden width of the Mlp over D.
        drop_path: Rate of stochastic depth.
        layer_scale: Start value of the learned per-channel scales of both branches; 0 leaves them out.
    """

    def __init__(
        self, width: int, heads: int, mlp_ratio: float = 4.0, drop_path: float = 0.0, layer_scale: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, round(width * mlp_ratio))
        self.drop_path = DropPath(drop_path)
        self.gamma_1 = nn.Parameter(torch.full((width,), layer_scale)) if layer_scale > 0 else None
        self.gamma_2 = nn.Parameter(torch.full((width,), layer_scale)) if layer_scale > 0 else None

    def forward(self, x: Tensor, last: int | None = None) -> Tensor:
        """(B, N, D) -> (B, N, D), or (B, last, D): what becomes of the last tokens, without computing the others."""
        attended = self.attn(self.norm1(x), last)
        x = x if last is None else x[:, -last:]
        x = x + self.drop_path(_scaled(attended, self.gamma_1))
        return x + self.drop_path(_scaled(self.mlp(self.norm2(x)), self.gamma_2))


def _scaled(branch: Tensor, gamma: Tensor | None) -> Tensor:
    return branch if gamma is None else branch * gamma


def run_blocks(blocks: nn.ModuleList, x: Tensor, recompute: bool = False, last: int | None = None) -> Tensor:
    """Tokens x (B, N, D) through the blocks in order.

    Args:
        blocks: Modules of the kind of `Block`.
        x: Tokens.
        recompute: Whether blocks are computed again in the backward pass instead of kept.
        last: How many tokens are wanted, the last ones; the last block computes only these. None for all.

    Returns:
        (B, N, D) or (B, last, D).
    """
    wanted = [None] * (len(blocks) - 1) + [last]
    for block, count in zip(blocks, wanted, strict=False):
        x = run_block(block, x, count, recompute=recompute)
    return x if last is None else x[:, -last:]


def drop_path_rates(rate: float, depth: int) -> list[float]:
    """Rates of stochastic depth per block, growing linearly from 0 to `rate`."""
    return [rate * i / max(depth - 1, 1) for i in range(depth)]


def init_xavier(module: nn.Module) -> None:
    """Start values of pretraining, for `Module.apply`: Xavier-uniform matrices, zero biases (VideoMAE's model file)."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def init_truncated_normal(module: nn.Module) -> None:
    """Start values of fine-tuning, for `Module.apply`: std 0.02 cut at +-2, zero biases (VideoMAE's model file)."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

"""The transformer layers of the masked encoder, and the one place where attention is computed.

Shapes: B batch, N tokens, M context tokens, D width, H heads, d head width (D / H).
Sources: VideoMAE (arXiv 2203.12602) and its public model files, whose parameter names are kept.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

NORM_EPS = 1e-6  # every LayerNorm of VideoMAE's model files; CLIP's use 1e-5

# Up to this many keys, plain matrix products beat scaled_dot_product_attention on a CPU (with bf16 units, torch 2.13).
# Milliseconds fused / plain at (B, H, N, d), two threads; one thread gives the same order:
#                    (64,4,16,24)  (64,2,144,32)  (4,12,160,64)  (2,12,512,64)  (1,12,1568,64)
#   float32 training   1.9 / 0.6      16 / 29       10.2 / 10.5     41 / 41        180 / 304
#   bf16 training       76 / 3.1      40 / 12         25 / 8.3      51 / 25        210 / 156
#   bf16 inference     6.5 / 0.4     7.6 / 3.8       5.1 / 1.8      16 / 9         108 / 152
PLAIN_KEYS_FULL = 32
PLAIN_KEYS_HALF_TRAINING = 2048
PLAIN_KEYS_HALF_INFERENCE = 1024


def _plain_is_faster(query: Tensor, key: Tensor, value: Tensor) -> bool:
    if query.device.type != "cpu":
        return False
    if query.dtype not in (torch.bfloat16, torch.float16):
        return key.shape[-2] <= PLAIN_KEYS_FULL
    training = torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or value.requires_grad)
    return key.shape[-2] <= (PLAIN_KEYS_HALF_TRAINING if training else PLAIN_KEYS_HALF_INFERENCE)


def attend(query: Tensor, key: Tensor, value: Tensor, causal: bool = False) -> Tensor:
    """Scaled dot-product attention, softmax(q k^T / sqrt(d)) v, by whichever way was measured faster.

    Args:
        query: (B, H, N, d).
        key: (B, H, M, d); one head (B, 1, M, d) serves all of the query's.
        value: As `key`.
        causal: Position i sees positions 0..i only; then N = M.

    Returns:
        (B, H, N, d).
    """
    assert not causal or query.shape[-2] == key.shape[-2], "causal attention is over one sequence"
    if not _plain_is_faster(query, key, value):
        heads = (*query.shape[:-2], *key.shape[-2:])  # the fused kernels take no broadcast heads
        return F.scaled_dot_product_attention(query, key.expand(heads), value.expand(heads), is_causal=causal)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)  # (B, H, N, M)
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(future, float("-inf"))
    return scores.softmax(dim=-1) @ value


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
        kept = branch.new_empty(branch.shape[0], *[1] * (branch.ndim - 1)).bernoulli_(keep)
        return branch * (kept / keep)

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

    def forward(self, x: Tensor) -> Tensor:
        """Self-attention over the tokens of x, (B, N, D) -> (B, N, D)."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.v_bias), self.v_bias])
        qkv = F.linear(x, self.qkv.weight, bias).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, H, d)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, N, d)
        return self.proj(attend(query, key, value).transpose(1, 2).flatten(2))  # (B, H, N, d) -> (B, N, D)


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

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        x = x + self.drop_path(_scaled(self.attn(self.norm1(x)), self.gamma_1))
        return x + self.drop_path(_scaled(self.mlp(self.norm2(x)), self.gamma_2))


def _scaled(branch: Tensor, gamma: Tensor | None) -> Tensor:
    return branch if gamma is None else branch * gamma


def run_blocks(blocks: Iterable[nn.Module], x: Tensor, recompute: bool = False) -> Tensor:
    """Tokens x (B, N, D) through the blocks in order.

    Args:
        blocks: Modules that map (B, N, D) to (B, N, D).
        x: Tokens.
        recompute: Keep only each block's input for the backward pass and compute the rest again (activation
            checkpointing): memory for about a third more time.
    """
    for block in blocks:
        x = checkpoint(block, x, use_reentrant=False) if recompute and torch.is_grad_enabled() else block(x)
    return x


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

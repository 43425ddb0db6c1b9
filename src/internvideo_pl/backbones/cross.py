"""Gated cross-attention: the trainable piece that coordination puts between and behind frozen blocks.

Shapes: B batch, N query tokens, M context tokens, D query width, C context width, H heads, d head width (D / H).
Sources: Flamingo (arXiv 2204.14198), section 2.2, for the tanh gates; InternVideo (arXiv 2212.03191), figure 4.
"""

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.attention import attend
from internvideo_pl.backbones.layers import NORM_EPS, Mlp, init_xavier


class CrossAttention(nn.Module):
    """Multi-head attention from the tokens of one encoder to those of another.

    Args:
        width: D.
        context_width: C; keys and values are projected from C to D.
        heads: H; divides D.
    """

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        assert width % heads == 0, f"{heads} heads do not divide a width of {width}"
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(context_width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, N, D) attending to (B, M, C) -> (B, N, D)."""
        query = self.q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, N, d)
        key, value = self.kv(context).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, M, d) each
        return self.proj(attend(query, key, value).transpose(1, 2).flatten(2))  # (B, H, N, d) -> (B, N, D)


class Gate(nn.Module):
    """A branch times tanh(scale * g) with one learned g that starts at zero, so that the branch starts silent.

    Args:
        scale: 1 in Flamingo; a larger one opens the gate in fewer steps.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.value = nn.Parameter(torch.zeros(1))  # one element, not none: sharded training takes no scalars

    def opening(self) -> Tensor:
        """tanh(scale * g), one element in (-1, 1); 0 is closed."""
        return torch.tanh(self.scale * self.value)

    def forward(self, branch: Tensor) -> Tensor:
        """(...) -> (...), in the branch's own precision."""
        return branch * self.opening().to(branch.dtype)


class GatedCrossBlock(nn.Module):
    """x += gate * CrossAttention(LN x, LN context), then x += gate * Mlp(LN x).

    Without gates, the last layer of both branches starts at zero instead: silent too, but with no scalar to read off
    how far a branch has opened.

    Args:
        width: D.
        context_width: C.
        heads: H.
        mlp_ratio: Hidden width of the Mlp over D.
        gate_scale: Scale of both gates; None for no gates.
    """

    def __init__(self, width: int, context_width: int, heads: int, mlp_ratio: float, gate_scale: float | None) -> None:
        super().__init__()
        self.norm_q = nn.LayerNorm(width, eps=NORM_EPS)
        self.norm_kv = nn.LayerNorm(context_width, eps=NORM_EPS)
        self.attn = CrossAttention(width, context_width, heads)
        self.norm_mlp = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, round(width * mlp_ratio))
        self.gate_attn = nn.Identity() if gate_scale is None else Gate(gate_scale)
        self.gate_mlp = nn.Identity() if gate_scale is None else Gate(gate_scale)
        self.apply(init_xavier)
        if gate_scale is None:
            nn.init.zeros_(self.attn.proj.weight)
            nn.init.zeros_(self.mlp.fc2.weight)

    def forward(self, x: Tensor, context: Tensor, time: Tensor | None = None) -> Tensor:
        """Lets tokens read a context.

        Args:
            x: (B, N, D).
            context: (B, M, C).
            time: (M, C) or None, added to the normalised context to tell its frames apart.

        Returns:
            (B, N, D).
        """
        context = self.norm_kv(context)
        if time is not None:
            context = context + time.to(context.dtype)
        x = x + self.gate_attn(self.attn(self.norm_q(x), context))
        return x + self.gate_mlp(self.mlp(self.norm_mlp(x)))

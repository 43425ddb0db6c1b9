"""The one place where attention is computed, by whichever way was measured faster.

Shapes: B batch, H heads, N query tokens, M key tokens, d head width, c heads of a chunk.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

HALF = (torch.bfloat16, torch.float16)

# What is fastest on a CPU, in milliseconds of one thread (torch 2.13, a processor with bf16 units; two threads give the
# same order): scaled_dot_product_attention / plain matrix products / the same in chunks of heads, at (B, H, N, d).
#                     (64,4,16,24)   (8,12,197,64)  (2,6,944,64)   (2,6,1568,64)
#   float32 training    1.9 / 0.6      53 / 66 / 67   127 / 226 / 144   366 / 527 / 410
#   bf16 training        76 / 3.1      70 / 31 / 56   132 /  78 /  94   354 / 304 / 228
#   bf16 inference      6.5 / 0.4      18 / 13 / 18    46 /  25 /  28   103 / 128 /  78
# The fused kernel gains nothing from bf16. Plain products do, until all scores together outgrow the cache and what the
# allocator keeps.
PLAIN_KEYS_FULL = 32  # float32: up to so many keys, plain products
PLAIN_SCORES_HALF = 2**23  # half precision: up to so many scores (16 MiB) at once, plain products; beyond, in chunks
CHUNK_SCORES = 2**21  # scores of a chunk for each thread (4 MiB)


def attend(query: Tensor, key: Tensor, value: Tensor, causal: bool = False) -> Tensor:
    """Scaled dot-product attention, softmax(q k^T / sqrt(d)) v.

    Args:
        query: (B, H, N, d).
        key: (B, H, M, d); one head (B, 1, M, d) serves all of the query's.
        value: As `key`.
        causal: Position i sees positions 0..i only; then N = M.

    Returns:
        (B, H, N, d).
    """
    assert not causal or query.shape[-2] == key.shape[-2], "causal attention is over one sequence"
    heads = (*query.shape[:-2], *key.shape[-2:])
    if query.device.type == "cpu" and query.dtype in HALF:
        few = query.shape[:-1].numel() * key.shape[-2] <= PLAIN_SCORES_HALF
        if few or causal or torch.compiler.is_compiling():  # a compiler would unroll the loop over chunks
            return _plain(query, key, value, causal)
        return _ChunkedAttention.apply(query, key.expand(heads), value.expand(heads))
    if query.device.type == "cpu" and key.shape[-2] <= PLAIN_KEYS_FULL:
        return _plain(query, key, value, causal)
    # the fused kernels take no broadcast heads
    return F.scaled_dot_product_attention(query, key.expand(heads), value.expand(heads), is_causal=causal)


def _plain(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)  # (B, H, N, M)
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(future, float("-inf"))
    return scores.softmax(dim=-1) @ value


class _ChunkedAttention(torch.autograd.Function):
    """A few heads at a time, so that their scores stay in the cache; they are computed again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        ctx.save_for_backward(query, key, value)
        q, k, v = _flat(query * query.shape[-1] ** -0.5, key, value)
        out = torch.empty_like(q)
        for part in _chunks(q, k):
            out[part] = _weights(q[part], k[part]) @ v[part]
        return out.view(query.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = ctx.saved_tensors
        scale = query.shape[-1] ** -0.5
        q, k, v, g = _flat(query * scale, key, value, grad)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        for part in _chunks(q, k):
            weights = _weights(q[part], k[part])  # (c, N, M)
            dv[part] = weights.mT @ g[part]
            dweights = g[part] @ v[part].mT
            dscores = torch._softmax_backward_data(dweights, weights, -1, weights.dtype)
            dq[part] = dscores @ k[part]
            dk[part] = dscores.mT @ q[part]
        return dq.mul_(scale).view(query.shape), dk.view(key.shape), dv.view(value.shape)


def _flat(*tensors: Tensor) -> list[Tensor]:
    return [x.flatten(0, 1).contiguous() for x in tensors]  # (B, H, N, d) -> (B * H, N, d)


def _chunks(q: Tensor, k: Tensor) -> Iterable[int | slice]:
    size = CHUNK_SCORES * torch.get_num_threads() // (q.shape[1] * k.shape[1])
    if size <= 1:
        return range(len(q))  # two matrices are multiplied faster than a batch of one
    return [slice(start, start + size) for start in range(0, len(q), size)]


def _weights(q: Tensor, k: Tensor) -> Tensor:
    return torch.softmax(q @ k.mT, dim=-1)  # (c, N, d) x (c, d, M) -> (c, N, M)

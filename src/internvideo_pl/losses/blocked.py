"""The symmetric contrastive loss without the whole matrix of similarities: blocks of this process's rows at a time.

Shapes: n pairs of this process, N of all processes, b rows of a block, D width.

With 86,016 image-text pairs a step (InternVideo's largest batch) the two (N, N) matrices in float32 and what autograd
keeps of them would take over 100 GB on every device (4 x 29.6). Here a device holds (b, N): each block's gradient is
computed together with its value, so nothing of a block outlives it and no product is computed twice.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.losses.gather import gather_with_gradient, rank_rows, total, world_size


def blocked_contrastive_loss(video: Tensor, text: Tensor, scale: Tensor, block: int) -> Tensor:
    """`contrastive_loss` over the pairs of all processes; value and gradients are the same.

    Each process scores its own n rows against the N of all, in both directions. Its loss is weighted so that the mean
    over processes, which DDP takes of the gradients, is the loss of the whole batch; the returned value is that loss.

    Args:
        video: (n, D) vectors of this process, of any length; n may differ between processes.
        text: (n, D) vectors; row i is the sentence of video i.
        scale: Scalar factor on the cosines.
        block: Rows b that are scored at a time.

    Returns:
        Scalar.
    """
    video, text = F.normalize(video, dim=-1), F.normalize(text, dim=-1)
    videos, texts = gather_with_gradient(video), gather_with_gradient(text)
    mine = rank_rows(video)  # where this process's rows stand among all
    first = mine.start
    both = _BlockedRows.apply(videos[mine], texts, scale, first, block)
    both = both + _BlockedRows.apply(texts[mine], videos, scale, first, block)
    own = both / (2 * len(videos)) * world_size()
    return own + (total(own) / world_size() - own.detach())  # the value of all, the gradient of its own


class _BlockedRows(torch.autograd.Function):
    """Sum over rows i of -log softmax(scale * q_i . K)[first + i]; its gradients are computed on the way forward."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, scale: Tensor, first: int, block: int) -> Tensor:
        loss = queries.new_zeros((), dtype=torch.float32).to(torch.promote_types(queries.dtype, torch.float32))
        to_queries, to_keys, to_scale = torch.empty_like(queries), torch.zeros_like(keys), loss.clone()
        for start in range(0, len(queries), block):
            rows = queries[start : start + block]  # (b, D)
            cosines = (rows @ keys.T).to(loss.dtype)  # (b, N)
            target = torch.arange(first + start, first + start + len(rows), device=keys.device)
            log_chance = (scale * cosines).log_softmax(dim=1)
            picked = log_chance.gather(1, target[:, None])
            loss -= picked.sum()
            wrong = log_chance.exp_()  # (b, N): the gradient with respect to the scaled cosines ...
            wrong[torch.arange(len(rows), device=keys.device), target] -= 1  # ... once the right answer is taken off
            to_scale += (wrong * cosines).sum()
            wrong = (wrong * scale).to(keys.dtype)
            to_queries[start : start + block] = wrong @ keys
            to_keys.addmm_(wrong.T, rows)
        ctx.save_for_backward(to_queries, to_keys, to_scale.to(scale.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        to_queries, to_keys, to_scale = ctx.saved_tensors
        grad = grads[0]
        return grad.to(to_queries.dtype) * to_queries, grad.to(to_keys.dtype) * to_keys, grad * to_scale, None, None

"""Overlap losses of stretches around a place.

Shapes: P places.
"""

import torch
from torch import Tensor

EPSILON = 1e-8


def overlap_loss(offsets: Tensor, target: Tensor, centred: bool) -> Tensor:
    """One minus the overlap of stretches that share a place, summed.

    Since both hold the place, the smallest stretch that covers both is their union, and the generalised overlap
    (arXiv 1902.09630) is the overlap itself. With `centred` the distance of the two middles is added, squared and over
    the covering stretch (arXiv 1911.08287).

    Args:
        offsets: (P, 2), not below 0: distance from the place to start and end.
        target: (P, 2), the true ones.
        centred: Whether middles count.

    Returns:
        Scalar.
    """
    common = torch.minimum(offsets, target).sum(-1)
    cover = torch.maximum(offsets, target).sum(-1)  # as both hold the place, also the union
    loss = 1 - common / cover.clamp(min=EPSILON)
    if centred:
        middle = 0.5 * ((offsets[:, 1] - offsets[:, 0]) - (target[:, 1] - target[:, 0]))
        loss = loss + (middle / cover.clamp(min=EPSILON)) ** 2
    return loss.sum()

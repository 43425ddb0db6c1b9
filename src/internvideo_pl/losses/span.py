"""Losses of a stretch in time: its two ends, and the places in and near it.

Shapes: B batch, T places.
Source: VSLNet (arXiv 2004.13931), equations 8 and 12, with the weights of Ego4D's baseline.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

EXTEND = 0.1  # share of its length by which a stretch is widened on either side for the highlight
INSIDE = 2.0  # weight of a place inside beside one outside


def ends_loss(start: Tensor, end: Tensor, span: Tensor) -> Tensor:
    """Cross entropy of the first and of the last place, added.

    Args:
        start: Logits (B, T), minus infinity where padded.
        end: Likewise.
        span: int64 (B, 2), the true first and last place.
    """
    return F.cross_entropy(start, span[:, 0]) + F.cross_entropy(end, span[:, 1])


def highlighted(span: Tensor, length: Tensor, places: int) -> Tensor:
    """Which places belong to the widened stretch, float (B, T).

    Args:
        span: int64 (B, 2), first and last place.
        length: int64 (B,), places that are not padding.
        places: T.
    """
    more = torch.round(EXTEND * (span[:, 1] - span[:, 0] + 1)).long()  # half to even, as Python rounds
    first = (span[:, 0] - more).clamp(min=0)
    last = torch.minimum(span[:, 1] + more, length - 1)
    place = torch.arange(places, device=span.device)
    return ((place >= first[:, None]) & (place <= last[:, None])).float()


def highlight_loss(highlight: Tensor, span: Tensor, mask: Tensor) -> Tensor:
    """Binary cross entropy of lying in the widened stretch, the mean over all places of a batch.

    Args:
        highlight: Logits (B, T).
        span: int64 (B, 2).
        mask: bool (B, T), false where padded.
    """
    wanted = highlighted(span, mask.sum(1), mask.shape[1])
    each = F.binary_cross_entropy_with_logits(highlight, wanted, reduction="none")
    weight = 1 + (INSIDE - 1) * wanted
    return (each * weight)[mask].sum() / mask.sum()

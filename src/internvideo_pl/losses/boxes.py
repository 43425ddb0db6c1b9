"""Set loss of boxes: exact assignment, focal loss, L1, generalised overlap (arXiv 2005.12872, 2010.04159).

Shapes: Q predictions and G true boxes of an image, boxes as x1, y1, x2, y2.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

ALPHA, GAMMA = 0.25, 2.0  # of the focal loss: RetinaNet, Deformable DETR


def generalised_overlap(one: Tensor, two: Tensor) -> Tensor:
    """GIoU (arXiv 1902.09630) of boxes (..., 4), which are broadcast, -> (...), in -1 to 1."""
    sides = (torch.minimum(one[..., 2:], two[..., 2:]) - torch.maximum(one[..., :2], two[..., :2])).clamp(min=0)
    hull = (torch.maximum(one[..., 2:], two[..., 2:]) - torch.minimum(one[..., :2], two[..., :2])).prod(-1)
    shared = sides.prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (two[..., 2:] - two[..., :2]).prod(-1) - shared
    return shared / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)


def focal(logits: Tensor, target: Tensor) -> Tensor:
    """Binary focal loss (arXiv 1708.02002) of each element."""
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    miss = (logits.sigmoid() - target).abs()
    return (ALPHA * target + (1 - ALPHA) * (1 - target)) * miss**GAMMA * loss


def assign(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each row of (G, Q), G <= Q, its column in the assignment of the least sum: shortest augmenting paths."""
    rows, columns = cost.shape
    assert rows <= columns
    u, v = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, dtype=np.int64)  # row from 1 of each column from 1; 0 for a free one
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least, before = np.full(columns + 1, np.inf), np.zeros(columns + 1, dtype=np.int64)
        used = np.zeros(columns + 1, dtype=bool)
        while owner[column]:
            used[column] = True
            reduced = cost[owner[column] - 1] - u[owner[column]] - v[1:]
            better = ~used[1:] & (reduced < least[1:])
            least[1:][better], before[1:][better] = reduced[better], column
            following = int(np.where(used, np.inf, least)[1:].argmin()) + 1
            step = least[following]
            u[owner[used]] += step
            v[used] -= step
            least[~used] -= step
            column = following
        while column:
            owner[column] = owner[before[column]]
            column = int(before[column])
    found = np.empty(rows, dtype=np.int64)
    taken = np.flatnonzero(owner[1:])
    found[owner[1:][taken] - 1] = taken
    return found

"""What a set loss of boxes is made of: exact assignment, generalised overlap (arXiv 2005.12872).

Shapes: Q predictions and G true boxes of an image, boxes as x1, y1, x2, y2.
"""

import torch
from torch import Tensor

from internvideo_pl.errors import UserError


def generalised_overlap(one: Tensor, two: Tensor) -> Tensor:
    """GIoU (arXiv 1902.09630) of boxes (..., 4), which are broadcast, -> (...), in -1 to 1."""
    sides = (torch.minimum(one[..., 2:], two[..., 2:]) - torch.maximum(one[..., :2], two[..., :2])).clamp(min=0)
    hull = (torch.maximum(one[..., 2:], two[..., 2:]) - torch.minimum(one[..., :2], two[..., :2])).prod(-1)
    shared = sides.prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (two[..., 2:] - two[..., :2]).prod(-1) - shared
    return shared / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)


def assign(cost: Tensor) -> tuple[list[int], list[int]]:
    """Rows and columns of (G, Q), as many as the shorter side has, whose sum of costs is the least.

    What is not a number counts as nought: the loss, which is then none either, stops the run.

    Raises:
        UserError: SciPy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise UserError("assigning boxes needs SciPy: pip install 'internvideo_pl[detection]'") from error
    rows, columns = linear_sum_assignment(cost.double().nan_to_num().cpu().numpy())
    return rows.tolist(), columns.tolist()

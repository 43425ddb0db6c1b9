"""The loss of predicted hand positions.

Shapes: B batch, M frames, two hands, two coordinates.
"""

from torch import Tensor
from torch.nn import functional as F


def hand_loss(points: Tensor, truth: Tensor, seen: Tensor, beta: float = 5.0) -> Tensor:
    """Smooth L1 of every coordinate of the hands in sight, summed within a clip, the mean over clips.

    Args:
        points: Predicted pixels, (B, M, 2, 2).
        truth: True ones, likewise.
        seen: bool (B, M, 2), whether a hand is in sight.
        beta: Pixels up to which the loss is a parabola; 5 in InternVideo's report.

    Returns:
        A scalar; 0 where no hand is in sight.
    """
    each = F.smooth_l1_loss(points, truth, reduction="none", beta=beta)  # (B, M, 2, 2)
    return each.masked_fill(~seen[..., None], 0.0).sum() / max(len(points), 1)

"""Focal loss: what is already sure counts little, so that the many places with nothing do not drown the few others."""

from torch import Tensor
from torch.nn import functional as F


def sigmoid_focal(logits: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss (arXiv 1708.02002) of independent classes, element by element.

    Args:
        logits: Any shape.
        target: The same, in [0, 1].
        alpha: Weight of what is there; what is not has 1 - alpha.
        gamma: How little sure places count.

    Returns:
        The same shape.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = logits.sigmoid()
    right = probability * target + (1 - probability) * (1 - target)
    weight = alpha * target + (1 - alpha) * (1 - target)
    return weight * entropy * (1 - right) ** gamma

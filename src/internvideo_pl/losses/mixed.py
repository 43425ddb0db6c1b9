"""Cross entropy of clips that are mixtures of two.

Shapes: B batch, K classes.
"""

from torch import Tensor
from torch.nn import functional as F


def mixed_cross_entropy(logits: Tensor, label: Tensor, share: float = 1.0, smoothing: float = 0.0) -> Tensor:
    """Cross entropy with soft targets: `share` of each clip's own label, the rest of clip B - 1 - i's, both smoothed.

    Cross entropy is linear in its target, so that the dense targets (B, K) of Mixup's public code are never made.

    Args:
        logits: (B, K).
        label: int64 (B,).
        share: of a clip that is its own (see `video.mix`); 1 where nothing was mixed.
        smoothing: share of every target that is spread over all classes.

    Returns:
        Scalar.
    """
    own = F.cross_entropy(logits, label, label_smoothing=smoothing)
    if share == 1:
        return own
    partner = F.cross_entropy(logits, label.flip(0), label_smoothing=smoothing)
    return share * own + (1 - share) * partner

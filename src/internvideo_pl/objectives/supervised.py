"""Supervised classification of clips: cross entropy with label smoothing.

Shapes: B batch, K classes.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(kw_only=True)
class SupervisedConfig:
    """What is asked of the class scores.

    Attributes:
        label_smoothing: Share of the target spread over all classes; 0.1 in VideoMAE's fine-tuning.
    """

    label_smoothing: float = 0.0


class Supervised(nn.Module):
    """Cross entropy of a model's class scores.

    Args:
        model: Prepared clip to logits (B, K); `model.input` prepares it.
        config: Smoothing.
    """

    def __init__(self, model: nn.Module, config: SupervisedConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def forward(self, clip: Tensor | tuple[Tensor, ...], label: Tensor) -> dict[str, Tensor]:
        """A prepared clip (or one a backbone) and class indices (B,) to {"loss": scalar}."""
        return {"loss": F.cross_entropy(self.model(clip), label, label_smoothing=self.config.label_smoothing)}

"""Evidential classification of clips: losses of the Dirichlet distribution that class scores stand for.

Shapes: B batch, K classes.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn

from internvideo_pl.losses.evidential import EvidentialLossConfig, evidential_losses


@dataclass(kw_only=True)
class EvidentialConfig:
    """What is asked of the class scores.

    Attributes:
        loss: Which terms; the defaults are the public release's.
    """

    loss: EvidentialLossConfig = field(default_factory=EvidentialLossConfig)


class Evidential(nn.Module):
    """Evidential losses of a model's class scores.

    Args:
        model: Prepared clip to logits (B, K); `model.input` prepares it.
        config: Terms.
        total_epochs: Of the training, for the annealing.
    """

    def __init__(self, model: nn.Module, config: EvidentialConfig, total_epochs: float) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.total_epochs = total_epochs

    def forward(self, clip: Tensor | tuple[Tensor, ...], label: Tensor, epoch: float = 0.0) -> dict[str, Tensor]:
        """The losses of a batch.

        Args:
            clip: What the model's `input` prepared, one tensor a backbone.
            label: int64 (B,), class indices.
            epoch: The current one, from 0; may have a fraction.

        Returns:
            Named scalars, "loss" their sum; see `evidential_losses`.
        """
        return evidential_losses(self.model(clip), label, self.config.loss, epoch, self.total_epochs)

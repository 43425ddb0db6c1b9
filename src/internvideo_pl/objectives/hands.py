"""Future hand prediction: smooth L1 over the hands in sight.

Shapes: B batch, M frames, two hands, two coordinates.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from internvideo_pl.errors import UserError
from internvideo_pl.losses.hands import hand_loss


@dataclass(kw_only=True)
class HandForecastingConfig:
    """The loss.

    Attributes:
        beta: Pixels up to which an error counts by its square; 5 in InternVideo's report.
    """

    beta: float = 5.0

    def __post_init__(self) -> None:
        """Refuses what cannot be.

        Raises:
            UserError: `beta` is not positive.
        """
        if not self.beta > 0:
            raise UserError(f"objective.beta={self.beta} must be above 0 pixels")


class HandForecasting(nn.Module):
    """The loss of a model's positions.

    Args:
        model: Prepared clip to pixels (B, M, 2, 2); `model.input` prepares it.
        config: The loss.
    """

    def __init__(self, model: nn.Module, config: HandForecastingConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def forward(self, clip: Tensor, truth: Tensor, seen: Tensor) -> dict[str, Tensor]:
        """{"loss"} of a batch; `truth` (B, M, 2, 2) and `seen` bool (B, M, 2) as in `hand_loss`."""
        return {"loss": hand_loss(self.model(clip), truth, seen, self.config.beta)}

"""Coordination of two frozen encoders by cross-model attention (InternVideo, arXiv 2212.03191, section 3.2)."""

from typing import Any

from torch import nn

from internvideo_pl.modules.recognition import Recognition


class CoordinatedFusion(Recognition):
    """Trains the gated modules between two frozen encoders, and both heads, on a recognition task.

    The step and the test are those of `Recognition`; what is special, frozen encoders and gates, is in the model.
    """

    def gates(self) -> dict[str, float]:
        """How far each gate is open: the name of its module to tanh of its value, in [-1, 1]."""
        model: Any = self.objective.model
        return model.gates()


def trainable(model: nn.Module) -> int:
    """Number of parameters that training changes."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)

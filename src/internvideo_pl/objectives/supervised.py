"""Supervised classification of clips: cross entropy with label smoothing, of mixed clips where they are mixed.

Shapes: B batch, T frames, H height, W width, K classes.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn

from internvideo_pl.losses.mixed import mixed_cross_entropy
from internvideo_pl.video.mix import Mix, MixConfig


@dataclass(kw_only=True)
class SupervisedConfig:
    """What is asked of the class scores.

    Attributes:
        label_smoothing: Share of the target spread over all classes; 0.1 in VideoMAE's fine-tuning.
        mix: How training clips and their labels are mixed; Mixup 0.8 and CutMix 1.0 in VideoMAE's fine-tuning.
    """

    label_smoothing: float = 0.0
    mix: MixConfig = field(default_factory=MixConfig)


class Supervised(nn.Module):
    """Cross entropy of a model's class scores.

    Args:
        model: Prepared clip to logits (B, K); `model.input` prepares it.
        config: Smoothing, mixing.
    """

    def __init__(self, model: nn.Module, config: SupervisedConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.mix = Mix(config.mix)

    def forward(self, clip: Tensor | tuple[Tensor, ...], label: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """The loss of a batch.

        Args:
            clip: What the model's `input` prepared, one tensor a backbone.
            label: int64 (B,), class indices.
            share: What `mix` says of how much of a clip is its own.

        Returns:
            {"loss": scalar}
        """
        return self.of_scores(self.model(clip), label, share)

    def of_scores(self, scores: Tensor, label: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """The loss of class scores (B, K) that were computed before; arguments and result as of `forward`."""
        return {"loss": mixed_cross_entropy(scores, label, share, self.config.label_smoothing)}

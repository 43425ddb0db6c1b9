"""What is learned of objects that are touched next: cross entropy of the verb, smooth L1 of the seconds.

Shapes: R boxes, V verbs.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(kw_only=True)
class AnticipationConfig:
    """How much either part counts.

    Attributes:
        verb_weight: Of the verb.
        time_weight: Of the seconds; 15 beside 1 in InternVideo's recipe.
    """

    verb_weight: float = 1.0
    time_weight: float = 15.0


class Anticipation(nn.Module):
    """The weighted sum of both parts, each a mean over the boxes.

    Args:
        model: (prepared clips, boxes, clip of each box) to verbs (R, V) and seconds (R,); `model.input` prepares clips.
        config: Weights.
    """

    def __init__(self, model: Any, config: AnticipationConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def forward(self, clip: Tensor, boxes: Tensor, index: Tensor, verb: Tensor, ttc: Tensor) -> dict[str, Tensor]:
        """The losses of a batch.

        Args:
            clip: What the model's `input` prepared.
            boxes: (R, 4) as shares.
            index: int64 (R,), the clip of each box.
            verb: int64 (R,).
            ttc: (R,), seconds.

        Returns:
            {"loss", "verb", "time"}; 0 without any box.
        """
        verbs, seconds = self.model(clip, boxes, index)
        many = max(len(boxes), 1)
        losses = {
            "verb": F.cross_entropy(verbs, verb, reduction="sum") / many,
            "time": F.smooth_l1_loss(seconds, ttc, reduction="sum") / many,
        }
        whole = self.config.verb_weight * losses["verb"] + self.config.time_weight * losses["time"]
        return {"loss": whole, **losses}

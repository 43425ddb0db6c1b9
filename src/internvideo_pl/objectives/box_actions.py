"""Actions of boxes: each box may have several, so every action is a question of its own.

Shapes: B clips, R boxes of all clips, K actions.
"""

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.features import InputSpec, JointInput
from internvideo_pl.errors import UserError

# InternVideo's release on AVA, as AlphAction: means of R, G, B over 255, one deviation for all.
DETECTION_MEAN = (122.7717 / 255, 115.9465 / 255, 102.9801 / 255)
DETECTION_STD = (57.375 / 255,) * 3


@dataclass(kw_only=True)
class BoxActionsConfig:
    """What is asked of the boxes.

    Attributes:
        pixels: How clips are normalised: "backbone" (as the encoder was trained), or "detection" (as InternVideo's
            release does on AVA).
    """

    pixels: Literal["backbone", "detection"] = "backbone"


class BoxActions(nn.Module):
    """Binary cross entropy of the action scores of boxes, the mean over the actions, summed over the boxes.

    Args:
        model: (prepared clips, boxes, clip of each box) to logits (R, K); `model.input` prepares clips.
        config: Normalisation.
    """

    def __init__(self, model: Any, config: BoxActionsConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def prepare(self, video: Tensor, full: bool = False) -> Any:
        """uint8 clips (B, T, H, W, 3) -> what the model reads.

        Args:
            video: The clips.
            full: Whether they keep their size, whatever the encoder was built for.

        Raises:
            UserError: The clips do not suit the model.
        """
        spec = self.model.input
        if self.config.pixels == "detection":
            spec = _normalised_for_detection(spec)
        if not full:
            return spec.prepare(video)
        if isinstance(spec, JointInput):
            raise UserError("data.test_view=full is for a single masked encoder: set data.test_view=squeeze")
        return spec.prepare_full(video)

    def forward(self, clip: Any, boxes: Tensor, index: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The loss of a batch.

        Args:
            clip: What `prepare` gave.
            boxes: (R, 4) x1, y1, x2, y2 as shares of the clip.
            index: int64 (R,), the clip of each box.
            target: (R, K), 1 for the actions of a box.

        Returns:
            {"loss": scalar}; 0 without any box, with gradients of 0.
        """
        logits = self.model(clip, boxes, index)
        return {"loss": F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1).sum()}


def _normalised_for_detection(spec: InputSpec | JointInput) -> InputSpec | JointInput:
    if isinstance(spec, JointInput):
        first, *others = spec.parts
        return JointInput((_with_pixels(first), *others))
    return _with_pixels(spec)


def _with_pixels(spec: InputSpec) -> InputSpec:
    return InputSpec(spec.num_frames, spec.size, DETECTION_MEAN, DETECTION_STD)

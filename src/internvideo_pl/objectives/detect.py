"""What is learned of boxes: each true one by one prediction of its frame, all others that there is nothing.

Shapes: B clips, F frames, Q predictions, G true boxes of a frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.losses.boxes import assign, generalised_overlap
from internvideo_pl.losses.focal import sigmoid_focal


@dataclass(kw_only=True)
class DetectionConfig:
    """How much each part counts, in the loss and in the assignment; Deformable DETR's.

    Attributes:
        score_weight: Of the focal loss.
        side_weight: Of the L1 distance of the sides.
        overlap_weight: Of the generalised overlap.
    """

    score_weight: float = 2.0
    side_weight: float = 5.0
    overlap_weight: float = 2.0


class Detection(nn.Module):
    """The sum of the set losses of the proposals and of every layer, each a mean over the true boxes.

    Args:
        model: Prepared clips to a list of logits (B, F, Q) and boxes (B, F, Q, 4); `model.prepare` prepares them.
        config: Weights.
    """

    def __init__(self, model: Any, config: DetectionConfig) -> None:
        super().__init__()
        self.model, self.config = model, config

    def forward(self, clip: Tensor, boxes: Sequence[Sequence[Sequence[Sequence[float]]]]) -> dict[str, Tensor]:
        """{"loss", "score", "side", "overlap"}; `boxes` are those of each frame of each clip, as shares."""
        truth = [torch.tensor(of_frame, device=clip.device).reshape(-1, 4) for frames in boxes for of_frame in frames]
        parts = [self._set(logits.flatten(0, 1), found.flatten(0, 1), truth) for logits, found in self.model(clip)]
        score, side, overlap = torch.stack(parts).sum(0)
        config = self.config
        whole = config.score_weight * score + config.side_weight * side + config.overlap_weight * overlap
        return {"loss": whole, "score": score, "side": side, "overlap": overlap}

    def _set(self, logits: Tensor, boxes: Tensor, truth: list[Tensor]) -> Tensor:
        """Score, sides, overlap of (B F, Q) logits and (B F, Q, 4) boxes."""
        logits, boxes, config = logits.float(), boxes.float(), self.config
        image, query, wanted = list[int](), list[int](), list[Tensor]()
        with torch.no_grad():
            gain = sigmoid_focal(logits, torch.ones_like(logits)) - sigmoid_focal(logits, torch.zeros_like(logits))
            for number, each in enumerate(truth):
                if not len(each):
                    continue
                cost = config.score_weight * gain[number][None] - config.overlap_weight * generalised_overlap(
                    each[:, None], boxes[number][None]
                )
                cost = cost + config.side_weight * torch.cdist(each, boxes[number], p=1)
                rows, columns = assign(cost)
                wanted.append(each[rows])
                query += columns
                image += [number] * len(columns)
        true = torch.cat([boxes.new_zeros(0, 4), *wanted])
        target = torch.zeros_like(logits)
        target[image, query] = 1.0
        matched, many = boxes[image, query], max(len(true), 1)
        return torch.stack(
            [
                sigmoid_focal(logits, target).sum() / many,
                (matched - true).abs().sum() / many,
                (1 - generalised_overlap(matched, true)).sum() / many,
            ]
        )

"""ActionFormer's objective: which places of the pyramid learn which action, and what they are told.

Shapes: B batch, C width, T places, P places of all levels together, K classes, n actions of a video.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from internvideo_pl.errors import UserError
from internvideo_pl.heads.actionformer import ActionFormer
from internvideo_pl.losses.focal import sigmoid_focal
from internvideo_pl.losses.segments import overlap_loss

TIE = 1e-3  # places; actions that are so near in length to the shortest are learned with it


@dataclass(kw_only=True)
class LocalizationObjective:
    """What is asked of the places.

    Attributes:
        radius: Strides from an action's middle within which places learn it (centre sampling).
        overlap: "giou" for the generalised overlap, "diou" to count middles as well, as ActionFormer's later code does.
        regress_weight: Of the overlap loss beside the classes'.
        label_smoothing: Share of a target spread over the classes.
        start_norm: Learning places of a step, as the running mean begins.
        momentum: Of that mean.
    """

    radius: float = 1.5
    overlap: Literal["giou", "diou"] = "diou"
    regress_weight: float = 1.0
    label_smoothing: float = 0.0
    start_norm: float = 100.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: A number is out of range.
        """
        if self.radius <= 0 or self.start_norm <= 0 or not 0 <= self.label_smoothing < 1 or not 0 <= self.momentum < 1:
            raise UserError(
                f"objective: radius={self.radius} and start_norm={self.start_norm} must be positive, label_smoothing="
                f"{self.label_smoothing} and momentum={self.momentum} at least 0 and below 1"
            )


class Localization(nn.Module):
    """The losses of a model on actions in time.

    Args:
        model: Predicts at the places of a pyramid.
        config: What is asked.
    """

    normalizer: Tensor

    def __init__(self, model: ActionFormer, config: LocalizationObjective) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.register_buffer("normalizer", torch.tensor(float(config.start_norm)))

    def forward(
        self, features: Tensor, mask: Tensor, segments: list[Tensor], labels: list[Tensor]
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            features: float (B, C, T).
            mask: bool (B, T).
            segments: B tensors (n, 2), start and end in places of the lowest level.
            labels: B tensors int64 (n,).

        Returns:
            {"loss", "classify", "regress"}, scalars.
        """
        levels = self.model(features, mask)
        places, strides, reach = self._places(levels[0].logits.device, [level.logits.shape[-1] for level in levels])
        told = [
            assign(places, strides, reach, each, which, self.model.num_classes, self.config.radius)
            for each, which in zip(segments, labels, strict=True)
        ]
        classes, distances = (torch.stack(each) for each in zip(*told, strict=True))  # (B, P, K), (B, P, 2)
        logits = torch.cat([level.logits for level in levels], dim=-1).transpose(1, 2).float()  # (B, P, K)
        offsets = torch.cat([level.offsets for level in levels], dim=-1).transpose(1, 2).float()  # (B, P, 2)
        there = torch.cat([level.mask for level in levels], dim=-1)  # (B, P)
        learning = there & (classes.sum(-1) > 0)
        self._count(learning)
        smoothing = self.config.label_smoothing
        target = classes * (1 - smoothing) + smoothing / (self.model.num_classes + 1)
        classify = sigmoid_focal(logits[there], target[there]).sum() / self.normalizer
        # Of no place at all this is 0, and still a function of every weight.
        regress = overlap_loss(offsets[learning], distances[learning], self.config.overlap == "diou") / self.normalizer
        regress = regress + 0.0 * offsets.sum()
        return {
            "loss": classify + self.config.regress_weight * regress,
            "classify": classify.detach(),
            "regress": regress.detach(),
        }

    def _count(self, learning: Tensor) -> None:
        """Moves the running mean of learning places, the scale of both losses."""
        if self.training:
            momentum = self.config.momentum
            count = learning.sum().clamp(min=1).to(self.normalizer.dtype)
            self.normalizer.copy_(momentum * self.normalizer + (1 - momentum) * count)

    def _places(self, device: torch.device, lengths: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Of all levels together: the place (P,), the stride (P,) and what the level is taught (P, 2)."""
        strides = [2**level for level in range(len(lengths))]
        reach = torch.tensor(self.model.config.reach, device=device)
        sizes = torch.tensor(lengths, device=device)
        places = torch.cat(
            [torch.arange(n, device=device) * stride for n, stride in zip(lengths, strides, strict=True)]
        )
        return (
            places.float(),
            torch.tensor(strides, device=device).repeat_interleave(sizes).float(),
            reach.repeat_interleave(sizes, dim=0),
        )


def assign(
    places: Tensor, strides: Tensor, reach: Tensor, segments: Tensor, labels: Tensor, num_classes: int, radius: float
) -> tuple[Tensor, Tensor]:
    """What each place of the pyramid learns of a video.

    A place learns an action when it lies in it, within `radius` strides of its middle, and when the farther end of the
    action is as far away as the level is taught. Of several it learns the shortest, and the classes of all that are
    just as short.

    Args:
        places: (P,).
        strides: (P,).
        reach: (P, 2).
        segments: (n, 2).
        labels: int64 (n,).
        num_classes: K.
        radius: Strides.

    Returns:
        Classes (P, K) in {0, 1}; distances of start and end (P, 2) in strides.
    """
    if not len(segments):
        return places.new_zeros(len(places), num_classes), places.new_zeros(len(places), 2)
    start, end = segments[None, :, 0], segments[None, :, 1]  # (1, n)
    place, stride = places[:, None], strides[:, None]
    distances = torch.stack([place - start, end - place], dim=-1)  # (P, n, 2)
    middle = 0.5 * (start + end)
    near = torch.minimum(
        place - torch.maximum(middle - stride * radius, start), torch.minimum(middle + stride * radius, end) - place
    )
    farther = distances.amax(-1)
    learns = (near > 0) & (farther >= reach[:, :1]) & (farther <= reach[:, 1:])
    length = (end - start).expand_as(farther).masked_fill(~learns, torch.inf)  # (P, n)
    least, which = length.min(dim=1)
    chosen = (length <= least[:, None] + TIE) & learns
    hot = nn.functional.one_hot(labels, num_classes).to(places.dtype)  # (n, K)
    classes = (chosen.to(places.dtype) @ hot).clamp(max=1.0)
    return classes, distances[torch.arange(len(places), device=places.device), which] / stride

"""TCANet's objective: where actions begin and end, and how proposals must move to fit them.

Shapes: B batch, C width, T places, P proposals, n actions of a video.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.heads.tcanet import NARROWEST, Refined, Tcanet

REGION = 0.1  # of an action's length around its start and end in which a place is a boundary (BSN)
LEAST_REGION = 0.5  # places: a boundary always has one


@dataclass(kw_only=True)
class ProposalObjective:
    """How the parts of the loss are weighed.

    Attributes:
        boundary_weight: Of boundary probabilities.
        sure_weight: Of the overlap that a refinement predicts.
        regress_weight: Of how proposals move.
    """

    boundary_weight: float = 1.0
    sure_weight: float = 5.0
    regress_weight: float = 1.0


class Proposals(nn.Module):
    """The losses of TCANet.

    Args:
        model: Finds actions.
        config: Weights.
    """

    def __init__(self, model: Tcanet, config: ProposalObjective) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def forward(
        self, features: Tensor, mask: Tensor, segments: list[Tensor], labels: list[Tensor]
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            features: float (B, C, T).
            mask: bool (B, T).
            segments: B tensors (n, 2), start and end in places.
            labels: Not read: actions are found, not named.

        Returns:
            {"loss", "boundary", "sure", "regress"}, scalars.
        """
        found = self.model(features, mask, segments if self.training else None)
        target = torch.stack([boundary_places(each, mask.shape[1]) for each in segments])
        boundary = balanced(found.boundaries, target, mask[:, None].expand_as(target))
        parts = [
            self._step(step, segments, threshold)
            for step, threshold in zip(found.steps, self.model.config.thresholds, strict=True)
        ]
        sure, regress = (torch.stack(each).mean() for each in zip(*parts, strict=True))
        config = self.config
        loss = config.boundary_weight * boundary + config.sure_weight * sure + config.regress_weight * regress
        return {"loss": loss, "boundary": boundary.detach(), "sure": sure.detach(), "regress": regress.detach()}

    def _step(self, step: Refined, segments: list[Tensor], threshold: float) -> tuple[Tensor, Tensor]:
        overlap, true = (torch.stack(each) for each in zip(*map(nearest, step.before, segments), strict=True))
        sure = F.mse_loss(step.sure.sigmoid(), overlap)
        start, end = step.before.unbind(-1)
        length = (end - start).clamp(min=NARROWEST)
        ends = (true - step.before) / length[..., None]
        middle = (true.sum(-1) - start - end) / (2 * length)
        grown = ((true[..., 1] - true[..., 0]).clamp(min=NARROWEST) / length).log().clamp(-2, 2)
        apart = F.smooth_l1_loss(step.ends, ends, reduction="none").sum(-1)
        apart = apart + F.smooth_l1_loss(step.whole, torch.stack([middle, grown], dim=-1), reduction="none").sum(-1)
        learns = (overlap >= threshold).to(apart.dtype)
        return sure, (apart * learns).sum() / learns.sum().clamp(min=1)


def nearest(proposals: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
    """Of each proposal (P, 2) the largest overlap (P,) with an instance (n, 2), and that instance (P, 2)."""
    if not len(segments):
        return proposals.new_zeros(len(proposals)), proposals
    segments = segments.to(proposals)
    common = torch.minimum(proposals[:, None, 1], segments[None, :, 1]) - torch.maximum(
        proposals[:, None, 0], segments[None, :, 0]
    )
    common = common.clamp(min=0)
    whole = (proposals[:, 1] - proposals[:, 0])[:, None] + (segments[:, 1] - segments[:, 0])[None] - common
    overlap, which = (common / whole.clamp(min=NARROWEST)).max(dim=1)
    return overlap, segments[which]


def boundary_places(segments: Tensor, places: int) -> Tensor:
    """1 at places near the start, and near the end, of an instance: (2, T)."""
    place = torch.arange(places, device=segments.device)[None]
    reach = (REGION * (segments[:, 1] - segments[:, 0])).clamp(min=LEAST_REGION)[:, None]
    near = [((place - segments[:, side : side + 1]).abs() <= reach).any(0) for side in (0, 1)]
    return torch.stack(near).float()


def balanced(logits: Tensor, target: Tensor, there: Tensor) -> Tensor:
    """Cross entropy of rare places, both kinds weighing half (BSN): mean over what is there.

    Args:
        logits: (B, 2, T).
        target: (B, 2, T) in {0, 1}.
        there: bool (B, 2, T).
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")[there]
    wanted = target[there]
    share = wanted.mean().clamp(0.05, 0.95)
    weight = 0.5 * (wanted / share + (1 - wanted) / (1 - share))
    return (weight * entropy).mean()

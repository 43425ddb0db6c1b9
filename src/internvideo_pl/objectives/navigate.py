"""Imitation of an oracle: at each decision, the cross entropy of the waypoint that is nearest to the goal.

Shapes: E episodes, B decisions, L words, W width of the text tower, V waypoints.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.errors import UserError
from internvideo_pl.heads.navigate import Decision, NavigationAgent
from internvideo_pl.heads.waypoints import Waypoints


@dataclass(kw_only=True)
class ImitationConfig:
    """How an agent decides and whom it follows.

    Values are those of InternVideo's release (iter_train.yaml, r2r_vlnce.yaml, trainer_HAMT.py), but for `grid` and
    `cache_gb`, which it has not.

    Attributes:
        max_decisions: Decisions of a tested episode; one that does not stop by then is cut off, which is no success.
        train_decisions: Decisions of a training episode; the last one is always to stop.
        hop: Most metres to a waypoint; 3 in the release's predictor.
        max_words: Tokens of an instruction that are read: CLIP's here, BERT's in the release.
        stop_within: Distance in metres at which the oracle stops.
        teacher: In training the oracle's choice is taken with probability teacher^(1 + step // teacher_steps), what
            the agent likes best otherwise.
        teacher_steps: Optimiser steps between two lowerings of that probability.
        grid: Metres between the viewpoints from which training sees, so that features can be kept; 0 sees from
            exactly where the agent stands, as tests always do.
        cache_gb: Memory for those features, in GiB.
    """

    max_decisions: int = 20
    train_decisions: int = 25
    hop: float = 3.0
    max_words: int = 200
    stop_within: float = 1.5
    teacher: float = 0.75
    teacher_steps: int = 2000
    grid: float = 0.0
    cache_gb: float = 1.0

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: A number is out of range.
        """
        least = min(self.teacher_steps, self.max_decisions, self.train_decisions, self.max_words)
        if not 0 <= self.teacher <= 1 or least < 1:
            raise UserError(
                f"objective: teacher={self.teacher} must be between 0 and 1, teacher_steps={self.teacher_steps}, "
                f"max_decisions={self.max_decisions}, train_decisions={self.train_decisions} and "
                f"max_words={self.max_words} at least 1"
            )
        if self.hop < 0.5 or self.stop_within <= 0 or self.grid < 0 or self.cache_gb < 0:
            raise UserError(
                f"objective: hop={self.hop} must be at least 0.5 m, stop_within={self.stop_within} above 0, "
                f"grid={self.grid} and cache_gb={self.cache_gb} not negative"
            )

    def trust(self, step: int) -> float:
        """Probability of following the oracle at an optimiser step."""
        return self.teacher ** (1 + step // self.teacher_steps)


class Imitation(nn.Module):
    """Cross entropy of the oracle's choices.

    Args:
        model: The agent.
        config: Whom it follows, and how far.
    """

    def __init__(self, model: NavigationAgent, config: ImitationConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def forward(self, words: Tensor, word_mask: Tensor, decision: Decision, choice: Tensor) -> dict[str, Tensor]:
        """The loss of a batch's decisions.

        Args:
            words: (E, L, W), the text tower's features of the instructions.
            word_mask: bool (E, L).
            decision: B of them.
            choice: int64 (B,), the oracle's: a waypoint, or V to stop.

        Returns:
            {"loss": scalar, "agreement": share of decisions in which the agent's favourite is the oracle's}
        """
        scores = self.model.head(decision, self.model.head.read(words, word_mask), word_mask)
        agreement = (scores.argmax(-1) == choice).float().mean()
        return {"loss": F.cross_entropy(scores, choice), "agreement": agreement}


def oracle_choice(ways: Waypoints, here: float, there: NDArray[np.float64], stop_within: float, success: float) -> int:
    """What the oracle does: stop near the goal, or else go to the waypoint that is nearest to it.

    Args:
        ways: The waypoints.
        here: Distance from the agent to the goal.
        there: float64 (V,), from each waypoint.
        stop_within: At which it stops. (The release's only rule.)
        success: At which it stops too if no waypoint is nearer. (Ours: the release can walk to and fro there.)

    Returns:
        A waypoint's number, or V to stop.
    """
    reach = np.where(ways.open, there, np.inf)
    nearest = int(reach.argmin())
    if here < stop_within or not np.isfinite(reach[nearest]) or (here < success and reach[nearest] >= here):
        return len(reach)
    return nearest

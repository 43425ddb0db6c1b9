"""Evidential classification: class scores that also say how much they know.

Shapes: B batch, K classes.
A non-negative evidence per class makes a Dirichlet distribution over class probabilities with alpha = evidence + 1;
little evidence in total means an unknown class. Sources: Sensoy et al. (arXiv 1806.01768), DEAR (arXiv 2107.10161)
and the open-set code of InternVideo's public release, which trains with `exp`. The scores themselves come from a plain
classifier (`heads.classify`).
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.errors import UserError, hint

LARGEST_LOG_EVIDENCE = 10.0  # DEAR and the public release clamp the exponent


def exp_evidence(logits: Tensor) -> Tensor:
    """e^z with z held within -10 .. 10."""
    return logits.clamp(-LARGEST_LOG_EVIDENCE, LARGEST_LOG_EVIDENCE).exp()


EVIDENCE: dict[str, Callable[[Tensor], Tensor]] = {"exp": exp_evidence, "relu": F.relu, "softplus": F.softplus}
"""How logits become evidence."""


class Opinion(NamedTuple):
    """What an evidential head believes.

    Attributes:
        probability: (B, K) expected class probabilities, alpha over its sum.
        uncertainty: (B,) K over the sum of alpha, in (0, 1]; 1 is total ignorance.
    """

    probability: Tensor
    uncertainty: Tensor


def concentration(logits: Tensor, evidence: str) -> Tensor:
    """Dirichlet parameters alpha = evidence + 1, (B, K) -> (B, K).

    Raises:
        UserError: No evidence function has this name.
    """
    if evidence not in EVIDENCE:
        raise UserError(f"No evidence function is called {evidence!r}.{hint(evidence, EVIDENCE)}")
    return EVIDENCE[evidence](logits) + 1


def opinion(alpha: Tensor) -> Opinion:
    """Dirichlet parameters (B, K) -> expected probabilities and uncertainty."""
    strength = alpha.sum(dim=-1, keepdim=True)
    return Opinion(alpha / strength, alpha.shape[-1] / strength[..., 0])

"""Evidential classification: class scores that also say how much they know.

Shapes: B batch, D width, K classes.
A non-negative evidence per class makes a Dirichlet distribution over class probabilities with alpha = evidence + 1;
little evidence in total means an unknown class. Sources: Sensoy et al. (arXiv 1806.01768), DEAR (arXiv 2107.10161)
and the open-set code of InternVideo's public release, which trains with `exp`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
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


@dataclass(kw_only=True)
class EvidentialHeadConfig:
    """The evidential classifier.

    Attributes:
        evidence: How logits become evidence: exp, relu or softplus.
        dropout: Rate before the linear layer.
    """

    evidence: str = "exp"  # public release
    dropout: float = 0.5  # public release


class EvidentialHead(nn.Module):
    """Dropout and a linear layer to logits; `judge` turns logits into an opinion.

    Args:
        width: D.
        num_classes: K.
        config: Evidence function and dropout.
    """

    def __init__(self, width: int, num_classes: int, config: EvidentialHeadConfig) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(width, num_classes)
        nn.init.normal_(self.linear.weight, std=0.01)  # public release, init_std
        nn.init.zeros_(self.linear.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, D) -> logits (B, K)."""
        return self.linear(F.dropout(pooled, self.config.dropout, self.training))

    def judge(self, logits: Tensor) -> Opinion:
        """Logits of one clip per row (B, K), or of several views (B, V, K), which are averaged first."""
        mean = logits if logits.ndim == 2 else logits.mean(dim=1)  # the release averages scores, not opinions
        return opinion(concentration(mean, self.config.evidence))

"""Losses of evidential classification, in every variant of the reference.

Shapes: B batch, K classes.
Sources: Sensoy et al. (arXiv 1806.01768, equations 3 to 5), DEAR (arXiv 2107.10161) for the calibration term and the
annealing, and the open-set code of InternVideo's public release for the exact forms. It trains with exp evidence, the
log loss, exp annealing, no divergence and no calibration term.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.errors import UserError, hint
from internvideo_pl.heads.evidential import concentration, opinion

ANNEALING_STEPS = 10  # epochs until step annealing reaches 1; public release
ANNEALING_START = 0.01  # exp annealing at epoch 0; public release
SMALL = 1e-10  # keeps the calibration term's logarithms finite; public release

FITS = ("log", "digamma", "mse", "cross_entropy")
ANNEALINGS = ("step", "exp")


@dataclass(kw_only=True)
class EvidentialLossConfig:
    """Which terms make up the loss. Defaults are the public release's.

    Attributes:
        evidence: How logits become evidence: exp, relu or softplus.
        fit: Term that fits the labels: log or digamma (type II likelihood and Bayes risk of the cross entropy), mse, or
            cross_entropy of the expected probabilities. `mse` and `cross_entropy` bring the variance term with them.
        divergence: Whether evidence for wrong classes is pulled to zero; always with cross_entropy.
        calibration: Whether right answers should be certain and wrong ones uncertain; for log and digamma.
        annealing: How the weight of divergence and calibration grows over epochs: step or exp.
    """

    evidence: str = "exp"
    fit: str = "log"
    divergence: bool = False
    calibration: bool = False
    annealing: str = "exp"

    def __post_init__(self) -> None:
        """Checks the names.

        Raises:
            UserError: A name is unknown, or calibration is asked of a fit that has none.
        """
        for name, choices in (("fit", FITS), ("annealing", ANNEALINGS)):
            word = getattr(self, name)
            if word not in choices:
                raise UserError(f"The evidential loss has no {name} called {word!r}.{hint(word, choices)}")
        if self.calibration and self.fit not in ("log", "digamma"):
            raise UserError(f"Calibration goes with fit log or digamma, not {self.fit}: set calibration to false.")


def annealing_weight(method: str, epoch: float, total_epochs: float) -> float:
    """Weight of the annealed terms: min(1, epoch / 10) for step, 0.01 growing to 1 for exp."""
    if method == "step":
        return min(1.0, epoch / ANNEALING_STEPS)
    return ANNEALING_START * math.exp(-math.log(ANNEALING_START) / total_epochs * epoch)


def divergence_to_uniform(alpha: Tensor) -> Tensor:
    """KL divergence of each row's Dirichlet distribution (B, K) from the uniform one, (B,)."""
    strength = alpha.sum(dim=-1, keepdim=True)
    log_ratio = (
        torch.lgamma(strength[..., 0]) - torch.lgamma(alpha).sum(-1) - torch.lgamma(alpha.new_tensor(alpha.shape[-1]))
    )
    return ((alpha - 1) * (torch.digamma(alpha) - torch.digamma(strength))).sum(-1) + log_ratio


def evidential_losses(
    logits: Tensor, labels: Tensor, config: EvidentialLossConfig, epoch: float, total_epochs: float
) -> dict[str, Tensor]:
    """All terms, averaged over the batch, and their sum.

    Args:
        logits: (B, K).
        labels: (B,) int64.
        config: Which terms.
        epoch: The current epoch, from 0.
        total_epochs: The last epoch of training.

    Returns:
        Scalars `fit_loss`, and where they apply `variance_loss`, `divergence_loss` and `calibration_loss`; `loss`.
    """
    alpha = concentration(logits, config.evidence)
    target = F.one_hot(labels, logits.shape[-1]).to(alpha.dtype)
    weight = annealing_weight(config.annealing, epoch, total_epochs)
    terms = {"fit_loss": _fit(config.fit, alpha, target)}
    if config.fit in ("mse", "cross_entropy"):
        terms["variance_loss"] = _variance(alpha)
    if config.divergence or config.fit == "cross_entropy":
        terms["divergence_loss"] = weight * divergence_to_uniform((alpha - 1) * (1 - target) + 1)
    if config.calibration:
        terms["calibration_loss"] = _calibration(alpha, labels, weight)
    losses = {name: term.mean() for name, term in terms.items()}
    return losses | {"loss": torch.stack(list(losses.values())).sum()}


def _fit(name: str, alpha: Tensor, target: Tensor) -> Tensor:
    """(B,) misfit of the labels."""
    strength = alpha.sum(dim=-1, keepdim=True)
    if name == "mse":
        return ((target - alpha / strength) ** 2).sum(-1)
    function = torch.digamma if name == "digamma" else torch.log  # cross_entropy of alpha / S is the log form
    return (target * (function(strength) - function(alpha))).sum(-1)


def _variance(alpha: Tensor) -> Tensor:
    """(B,) summed variance of the class probabilities under the Dirichlet distribution."""
    strength = alpha.sum(dim=-1, keepdim=True)
    return (alpha * (strength - alpha) / (strength**2 * (strength + 1))).sum(-1)


def _calibration(alpha: Tensor, labels: Tensor, weight: float) -> Tensor:
    """(B,) accuracy versus uncertainty (DEAR): sure when right, unsure when wrong."""
    probability, uncertainty = opinion(alpha)
    score, predicted = probability.max(dim=-1)
    right = (predicted == labels).to(alpha.dtype)
    unsure_but_right = -score * torch.log(1 - uncertainty + SMALL)
    sure_but_wrong = -(1 - score) * torch.log(uncertainty + SMALL)
    return weight * right * unsure_but_right + (1 - weight) * (1 - right) * sure_but_wrong

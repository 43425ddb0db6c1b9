import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.distributions import Dirichlet, kl_divergence

from internvideo_pl.errors import UserError
from internvideo_pl.heads.evidential import concentration, opinion
from internvideo_pl.losses.evidential import (
    EvidentialLossConfig,
    annealing_weight,
    divergence_to_uniform,
    evidential_losses,
)

GIVEN = Path(__file__).parents[1] / "parity" / "given"
LOGITS, LABELS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]], dtype=torch.float64), torch.tensor([0, 1])


def losses(**changes: object) -> dict[str, float]:
    config = EvidentialLossConfig(**changes)  # type: ignore[arg-type]
    return {name: x.item() for name, x in evidential_losses(LOGITS, LABELS, config, 4, 50).items()}


@pytest.mark.parametrize("index", range(3))
def test_public_release(index: int) -> None:
    """Three variants against the reference's own terms."""
    spec = json.loads((GIVEN / "edl_loss.json").read_text())["config"]["specs"][index]
    tensors = load_file(GIVEN / "edl_loss.safetensors")
    config = EvidentialLossConfig(
        evidence=spec["evidence"],
        fit=spec["loss_type"],
        divergence=spec["with_kldiv"],
        annealing=spec["annealing_method"],
    )
    logits, labels = tensors["in/logits"], tensors["in/labels"]
    got = evidential_losses(logits, labels, config, spec["epoch"], spec["total_epoch"])
    names = {"loss_cls": "fit_loss", "loss_var": "variance_loss", "loss_kl": "divergence_loss"}
    want = {ours: tensors[f"out/{index}.{term}"] for term, ours in names.items() if f"out/{index}.{term}" in tensors}
    assert got.keys() == want.keys() | {"loss"}
    for name, value in want.items():
        torch.testing.assert_close(got[name], value.mean(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(got["loss"], tensors[f"out/{index}.total"], rtol=1e-5, atol=1e-6)
    weight = annealing_weight(config.annealing, spec["epoch"], spec["total_epoch"])
    assert weight == pytest.approx(tensors[f"out/{index}.lambda"].item(), rel=1e-5)
    uncertainty = opinion(concentration(logits, config.evidence)).uncertainty
    torch.testing.assert_close(uncertainty, tensors[f"out/{index}.uncertainty"][:, 0], rtol=1e-5, atol=0)


def test_divergence_equals_torchs() -> None:
    alpha = torch.rand(4, 5, dtype=torch.float64) * 9 + 1
    want = kl_divergence(Dirichlet(alpha), Dirichlet(torch.ones(4, 5, dtype=torch.float64)))
    torch.testing.assert_close(divergence_to_uniform(alpha), want)
    assert divergence_to_uniform(torch.ones(1, 5)).abs().item() < 1e-5


def test_fits_by_monte_carlo() -> None:
    """digamma is the expected cross entropy, mse plus variance the expected squared error, under the Dirichlet."""
    torch.manual_seed(0)
    alpha = concentration(LOGITS, "exp")
    samples = Dirichlet(alpha).sample((200_000,))  # (S, B, K)
    target = nn.functional.one_hot(LABELS, 3)
    cross_entropy = -(samples.log() * target).sum(-1).mean()
    squared = ((samples - target) ** 2).sum(-1).mean()
    assert losses(fit="digamma")["loss"] == pytest.approx(cross_entropy.item(), rel=0.02)
    assert losses(fit="mse")["loss"] == pytest.approx(squared.item(), rel=0.02)


def test_log_fit_by_hand() -> None:
    alpha = [1 + math.exp(z) for z in (2.0, -1.0, 0.5)]
    first = math.log(sum(alpha)) - math.log(alpha[0])
    beta = [1 + math.exp(z) for z in (0.1, 0.2, 0.3)]
    second = math.log(sum(beta)) - math.log(beta[1])
    assert losses() == pytest.approx({"fit_loss": (first + second) / 2, "loss": (first + second) / 2})


def test_cross_entropy_brings_all_terms() -> None:
    terms = losses(fit="cross_entropy", evidence="softplus")
    assert set(terms) == {"fit_loss", "variance_loss", "divergence_loss", "loss"}
    probability = opinion(concentration(LOGITS, "softplus")).probability
    want = nn.functional.nll_loss(probability.log(), LABELS).item()
    assert terms["fit_loss"] == pytest.approx(want)


def test_calibration_by_hand() -> None:
    terms = losses(calibration=True, annealing="step")
    belief = opinion(concentration(LOGITS, "exp"))
    p, u = belief.probability.max(1).values, belief.uncertainty
    right = 0.4 * -p[0] * math.log(1 - u[0])  # sample 0 is right; epoch 4 of 10 gives 0.4
    wrong = 0.6 * -(1 - p[1]) * math.log(u[1])  # sample 1 is wrong
    assert terms["calibration_loss"] == pytest.approx(((right + wrong) / 2).item(), rel=1e-6)


def test_annealing() -> None:
    assert [annealing_weight("step", e, 50) for e in (0, 5, 10, 30)] == [0, 0.5, 1, 1]
    assert annealing_weight("exp", 0, 50) == pytest.approx(0.01)
    assert annealing_weight("exp", 25, 50) == pytest.approx(0.1)
    assert annealing_weight("exp", 50, 50) == pytest.approx(1)


@pytest.mark.parametrize("fit", ["log", "digamma", "mse", "cross_entropy"])
def test_goes_down_in_20_steps(fit: str) -> None:
    logits = nn.Parameter(torch.zeros(4, 3))
    labels, config = torch.tensor([0, 1, 2, 0]), EvidentialLossConfig(fit=fit)
    optimizer = torch.optim.SGD([logits], lr=1.0)
    first = evidential_losses(logits, labels, config, 1, 50)["loss"].item()
    for _ in range(20):
        optimizer.zero_grad()
        evidential_losses(logits, labels, config, 1, 50)["loss"].backward()
        optimizer.step()
    assert evidential_losses(logits, labels, config, 1, 50)["loss"].item() < 0.9 * first


def test_wrong_names_are_refused() -> None:
    with pytest.raises(UserError, match="Did you mean 'digamma'"):
        EvidentialLossConfig(fit="digama")
    with pytest.raises(UserError, match="no annealing called 'linear'"):
        EvidentialLossConfig(annealing="linear")
    with pytest.raises(UserError, match="log or digamma, not mse"):
        EvidentialLossConfig(fit="mse", calibration=True)

import math

import pytest
import torch
from torch import Tensor, nn

from internvideo_pl.losses.contrastive import contrastive_loss, dual_softmax_loss, symmetric_cross_entropy


def slow_contrastive(video: Tensor, text: Tensor, scale: float) -> float:
    """InfoNCE by loops."""
    n, loss = len(video), 0.0
    cosine = [[float(v @ t / (v.norm() * t.norm())) for t in text] for v in video]
    for i in range(n):
        row = sum(math.exp(scale * cosine[i][j]) for j in range(n))
        column = sum(math.exp(scale * cosine[j][i]) for j in range(n))
        loss -= math.log(math.exp(scale * cosine[i][i]) / row) + math.log(math.exp(scale * cosine[i][i]) / column)
    return loss / (2 * n)


def test_equals_loops() -> None:
    video, text = torch.randn(5, 7, dtype=torch.float64), torch.randn(5, 7, dtype=torch.float64)
    loss = contrastive_loss(video, text, torch.tensor(3.0))
    assert loss.item() == pytest.approx(slow_contrastive(video, text, 3.0))


@pytest.mark.parametrize("n", [1, 2, 64])
def test_ignorance_costs_the_log_of_the_batch(n: int) -> None:
    same = torch.ones(n, 4)
    assert contrastive_loss(same, same, torch.tensor(14.0)).item() == pytest.approx(math.log(n), abs=1e-5)


def test_two_pairs_in_closed_form() -> None:
    loss = contrastive_loss(torch.eye(2), torch.eye(2), torch.tensor(5.0))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-5)), rel=1e-4)


def test_is_symmetric_and_ignores_length() -> None:
    video, text, scale = torch.randn(4, 6), torch.randn(4, 6), torch.tensor(9.0)
    torch.testing.assert_close(contrastive_loss(video, text, scale), contrastive_loss(7 * text, video, scale))
    logits = torch.randn(4, 4)
    torch.testing.assert_close(symmetric_cross_entropy(logits), symmetric_cross_entropy(logits.T))


def test_dual_softmax_by_loops() -> None:
    logits = 30 * torch.randn(4, 4, dtype=torch.float64)
    want = 0.0
    for i in range(4):
        weighted = [float(logits[i, j]) * 4 * float((logits[:, j] / 1000).softmax(0)[i]) for j in range(4)]
        want -= weighted[i] - math.log(sum(math.exp(x) for x in weighted))
    assert dual_softmax_loss(logits).item() == pytest.approx(want / 4)


@pytest.mark.parametrize(
    "loss", [lambda v, t: contrastive_loss(v, t, torch.tensor(10.0)), lambda v, t: dual_softmax_loss(v @ t.T)]
)
def test_goes_down_in_20_steps(loss) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    video, text = nn.Parameter(torch.randn(8, 4)), torch.randn(8, 4)
    optimizer = torch.optim.SGD([video], lr=0.1)
    first = loss(video, text).item()
    for _ in range(20):
        optimizer.zero_grad()
        value = loss(video, text)
        value.backward()
        optimizer.step()
    assert loss(video, text).item() < 0.9 * first

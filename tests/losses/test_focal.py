"""The focal loss against its definition, element by element, and in closed form."""

import math

import pytest
import torch

from internvideo_pl.losses.focal import sigmoid_focal


def slow_focal(logit, wanted, alpha, gamma):
    p = 1 / (1 + math.exp(-logit))
    entropy = -(wanted * math.log(p) + (1 - wanted) * math.log(1 - p))
    right = p * wanted + (1 - p) * (1 - wanted)
    return (alpha * wanted + (1 - alpha) * (1 - wanted)) * (1 - right) ** gamma * entropy


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.7, 0.5)])
def test_each_element_is_the_definition(alpha, gamma):
    torch.manual_seed(0)
    logits, target = 4 * torch.randn(7, 3, dtype=torch.float64), torch.rand(7, 3, dtype=torch.float64)
    found = sigmoid_focal(logits, target, alpha, gamma)
    assert found.shape == (7, 3)
    for logit, wanted, loss in zip(*(x.flatten().tolist() for x in (logits, target, found)), strict=True):
        assert loss == pytest.approx(slow_focal(logit, wanted, alpha, gamma), abs=1e-9)


def test_closed_forms():
    assert sigmoid_focal(torch.zeros(1), torch.ones(1)).item() == pytest.approx(0.25 * 0.25 * math.log(2))
    sure = sigmoid_focal(torch.tensor([-200.0, 200.0]), torch.tensor([1.0, 0.0]))
    assert sure.tolist() == pytest.approx([50.0, 150.0])
    assert sigmoid_focal(torch.zeros(0, 3), torch.zeros(0, 3)).sum() == 0

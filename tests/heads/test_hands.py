"""The regression of hand positions: shapes, its start, gradients, and that it learns."""

import pytest
import torch

from internvideo_pl.backbones.choices import MaskedChoice
from internvideo_pl.heads.hands import HandForecaster, HandHeadConfig, places
from internvideo_pl.objectives.hands import HandForecasting, HandForecastingConfig


def forecaster(pool: str) -> HandForecaster:
    torch.manual_seed(0)
    model = HandForecaster(MaskedChoice(size="tiny").build(), HandHeadConfig(pool=pool))
    model.offset.copy_(torch.arange(20.0).reshape(5, 2, 2))
    model.scale.fill_(7.0)
    return model


@pytest.mark.parametrize("pool", ["mean", "places"])
def test_shapes_and_a_gradient_everywhere(pool):
    model = forecaster(pool)
    points = model(torch.randn(3, 3, 8, 48, 48))
    assert points.shape == (3, 5, 2, 2)
    assert points.isfinite().all()
    points.square().sum().backward()
    assert [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()] == []


@pytest.mark.parametrize("pool", ["mean", "places"])
def test_starts_near_the_middle_positions_in_any_unit(pool):
    model = forecaster(pool)
    difference = (model(torch.randn(2, 3, 8, 48, 48)) - model.offset).abs()
    assert difference.max() < 0.7 * float(model.scale)


@pytest.mark.parametrize("pool", ["mean", "places"])
def test_the_loss_goes_down(pool):
    objective = HandForecasting(forecaster(pool), HandForecastingConfig(beta=1.0))
    video, truth = torch.randn(4, 3, 8, 48, 48), 20 * torch.randn(4, 5, 2, 2)
    seen = torch.ones(4, 5, 2, dtype=torch.bool)
    optimizer = torch.optim.AdamW(objective.parameters(), lr=2e-3)
    losses = []
    for _ in range(20):
        loss = objective(video, truth, seen)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.8 * losses[0]


def test_places_are_where_tokens_lie():
    found = places((2, 2, 3), torch.zeros(()))
    assert found.shape == (12, 2)
    torch.testing.assert_close(found[:6], found[6:])  # the same in every frame
    assert found[0].tolist() == pytest.approx([-(3**0.5) * 2 / 3, -(3**0.5) / 2])  # upper left
    assert found[5].tolist() == pytest.approx([3**0.5 * 2 / 3, 3**0.5 / 2])

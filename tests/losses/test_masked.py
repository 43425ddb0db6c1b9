"""The reconstruction target and loss: slow reference, closed forms, goes down."""

import pytest
import torch
from torch.testing import assert_close

from internvideo_pl.losses.masked import normalized, reconstruction_loss


def test_normalised_tubes_by_hand():
    torch.manual_seed(0)
    tubes = torch.rand(2, 3, 24, dtype=torch.float64)
    found = normalized(tubes, floor=0.01)
    for b in range(2):
        for n in range(3):
            for c in range(3):
                values = tubes[b, n, c::3]
                mean = values.sum() / 8
                spread = ((values - mean).square().sum() / 7).sqrt() + 0.01  # unbiased, floor outside the root
                assert_close(found[b, n, c::3], (values - mean) / spread)


def test_loss_by_hand():
    torch.manual_seed(0)
    prediction, target = torch.rand(2, 2, 3, 4, dtype=torch.float64)
    total = sum((p - t) ** 2 for p, t in zip(prediction.flatten().tolist(), target.flatten().tolist(), strict=True))
    assert reconstruction_loss(prediction, target).item() == pytest.approx(total / 24)
    counted = torch.tensor([[True, False, True], [False, False, True]])
    expected = (prediction - target).square()[counted].mean()
    assert_close(reconstruction_loss(prediction, target, counted), expected)


def test_closed_forms():
    torch.manual_seed(0)
    target = normalized(torch.rand(4, 5, 24, dtype=torch.float64), floor=0.0)
    assert reconstruction_loss(target, target) == 0
    # predicting the mean costs the biased variance of unit-variance values: (n - 1) / n with n = 8 pixels a channel
    assert reconstruction_loss(torch.zeros_like(target), target).item() == pytest.approx(7 / 8)


def test_constant_tubes_stay_finite_and_a_floor_keeps_them_small():
    # With the release's floor a constant tube is rounding noise times a million: its value means nothing.
    tubes = torch.full((1, 2, 24), 0.3)
    assert normalized(tubes).isfinite().all()
    assert normalized(tubes, floor=0.1).abs().max() < 1e-5


def test_loss_is_computed_in_float32():
    prediction = torch.zeros(1, 1, 3, dtype=torch.bfloat16)
    target = torch.tensor([[[1.001, 1.001, 1.001]]])
    loss = reconstruction_loss(prediction, target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(1.001**2, rel=1e-5)


def test_goes_down():
    torch.manual_seed(0)
    target = normalized(torch.rand(2, 3, 24))
    prediction = torch.zeros_like(target, requires_grad=True)
    optimizer = torch.optim.SGD([prediction], lr=10)
    losses = []
    for _ in range(20):
        loss = reconstruction_loss(prediction, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.1 * losses[0]

"""Losses of actions in time against their definitions, value by value."""

import pytest
import torch

from internvideo_pl.losses.segments import overlap_loss


def slow_overlap(one, other, centred):
    """The generalised overlap of stretches on a line, and the distance of their middles."""
    (a, b), (c, d) = ((-left, right) for left, right in (one, other))
    common, cover = max(0.0, min(b, d) - max(a, c)), max(b, d) - min(a, c)
    union = (b - a) + (d - c) - common
    loss = 1 - (common / union - (cover - union) / cover)
    return loss + (((a + b) / 2 - (c + d) / 2) / cover) ** 2 if centred else loss


@pytest.mark.parametrize("centred", [False, True])
def test_overlap_loss_equals_the_generalised_overlap(centred):
    torch.manual_seed(0)
    one, other = torch.rand(2, 9, 2, dtype=torch.float64) * 5
    expected = sum(slow_overlap(a, b, centred) for a, b in zip(one.tolist(), other.tolist(), strict=True))
    assert overlap_loss(one, other, centred).item() == pytest.approx(expected, abs=1e-9)


def test_stretches_of_no_length_give_a_number():
    nothing = torch.zeros(2, 2, requires_grad=True)
    loss = overlap_loss(nothing, torch.zeros(2, 2), centred=True)
    loss.backward()
    assert loss.isfinite()
    assert nothing.grad.isfinite().all()

"""The loss of mixed clips beside the dense soft targets of Mixup's public code, written out."""

import math

import pytest
import torch

from internvideo_pl.losses.mixed import mixed_cross_entropy


def slow(logits: torch.Tensor, label: torch.Tensor, share: float, smoothing: float) -> float:
    clips, classes = logits.shape
    off, on = smoothing / classes, 1 - smoothing + smoothing / classes
    total = 0.0
    for i in range(clips):
        target = [0.0] * classes
        for k in range(classes):
            target[k] += share * (on if k == label[i] else off)
            target[k] += (1 - share) * (on if k == label[clips - 1 - i] else off)
        top = sum(math.exp(value) for value in logits[i].tolist())
        total -= sum(t * (value - math.log(top)) for t, value in zip(target, logits[i].tolist(), strict=True))
    return total / clips


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("clips", [1, 4, 5])
def test_against_dense_targets(share, smoothing, clips):
    generator = torch.Generator().manual_seed(clips)
    logits = torch.randn(clips, 7, generator=generator, dtype=torch.float64)
    label = torch.randint(0, 7, (clips,), generator=generator)
    got = mixed_cross_entropy(logits, label, share, smoothing)
    assert float(got) == pytest.approx(slow(logits, label, share, smoothing), abs=1e-9)


def test_nothing_known_costs_the_logarithm_of_the_classes():
    assert float(mixed_cross_entropy(torch.zeros(4, 10), torch.arange(4), 0.4, 0.1)) == pytest.approx(math.log(10))


def test_the_best_prediction_is_the_mixed_target():
    """Cross entropy is least, and its gradient nothing, where the softmax equals the target."""
    target = torch.tensor([[0.7, 0.0, 0.3], [0.3, 0.0, 0.7]]) * 0.9 + 0.1 / 3
    logits = target.log().requires_grad_()
    mixed_cross_entropy(logits, torch.tensor([0, 2]), 0.7, 0.1).backward()
    assert logits.grad.abs().max() < 1e-6

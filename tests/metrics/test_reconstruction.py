import pytest
import torch

from internvideo_pl.metrics.reconstruction import CHANCE, Reconstruction


def score(prediction, target, parts=1):
    metric = Reconstruction()
    index = torch.arange(len(target))
    for part in zip(prediction.chunk(parts), target.chunk(parts), index.chunk(parts), strict=True):
        metric.update(*part)
    return metric.compute()


def test_ends_of_the_scale():
    target = torch.randn(4, 6, 12, generator=torch.Generator().manual_seed(0))
    assert score(target, target) == {"mse": 0.0, "explained": 100.0}
    assert score(torch.zeros_like(target), target)["explained"] == pytest.approx(CHANCE)
    assert score(-target, target)["explained"] == pytest.approx(-300.0)  # error (2t)^2 against energy t^2


def test_batches_of_uneven_size_equal_the_whole():
    generator = torch.Generator().manual_seed(1)
    target, prediction = torch.randn(2, 7, 5, 3, generator=generator)
    whole = score(prediction, target)
    assert score(prediction, target, parts=3) == pytest.approx(whole)
    assert whole["mse"] == pytest.approx(((prediction - target) ** 2).mean().item(), rel=1e-5)

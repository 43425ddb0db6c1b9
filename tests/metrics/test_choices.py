"""Multiple choice and counting against loops, with ties, repeats and missing questions."""

import math

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.choices import Choices, Counts


def slow(logits, label, index, view, official):
    """Question by question: mean of the views' softmaxes, the first of the largest."""
    views: dict[int, dict[int, torch.Tensor]] = {}
    for row, i, v in zip(logits, index.tolist(), view.tolist(), strict=True):
        views.setdefault(i, {}).setdefault(v, row.softmax(0).double())
    truth = dict(zip(index.tolist(), label.tolist(), strict=True))
    hits = 0
    for i, own in views.items():
        scores = (sum(own.values()) / len(own)).tolist()
        hits += scores.index(max(scores)) == truth[i]
    missing = official - len(views)
    return {
        "top1": 100 * hits / len(views),
        "top1/low": 100 * hits / official,
        "top1/high": 100 * (hits + missing) / official,
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("views", [1, 2])
def test_equals_the_loop_with_ties_and_repeats(seed, views):
    generator = torch.Generator().manual_seed(seed)
    index, view = torch.arange(30).repeat_interleave(views), torch.arange(views).repeat(30)
    logits = torch.randint(0, 2, (30 * views, 5), generator=generator).float()
    label = torch.randint(0, 5, (30,), generator=generator)[index]
    metric = Choices(5, official=33)
    order = torch.cat([torch.randperm(len(index), generator=generator), torch.tensor([1, 1])])
    for rows in order.split(13):
        metric.update(logits[rows], label[rows], index[rows], view[rows])
    assert metric.compute() == pytest.approx(slow(logits, label, index, view, 33), abs=1e-9)


def test_counts_are_rounded_and_clipped_to_what_the_official_evaluator_allows():
    metric = Counts()
    # rounded to 3, 1 (at least 1: a true 0 is always off by one or more), 10 (at most 10); the repeat does not count
    metric.update(torch.tensor([2.6, 0.2, 14.0]), torch.tensor([3, 0, 12]), torch.tensor([0, 1, 2]))
    metric.update(torch.tensor([9.0]), torch.tensor([3]), torch.tensor([0]))
    assert metric.compute() == {"mse": pytest.approx((0 + 1 + 4) / 3), "acc": pytest.approx(100 / 3)}


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_the_loop(seed):
    generator = torch.Generator().manual_seed(seed)
    predicted = 14 * torch.rand(50, generator=generator) - 2
    true = torch.randint(0, 11, (50,), generator=generator)
    errors = [(min(max(round(p), 1), 10) - t) ** 2 for p, t in zip(predicted.tolist(), true.tolist(), strict=True)]
    metric = Counts()
    for rows in torch.randperm(50, generator=generator).split(7):
        metric.update(predicted[rows], true[rows], rows)
    assert metric.compute()["mse"] == pytest.approx(sum(errors) / 50, abs=1e-9)


@pytest.mark.parametrize("metric", [Choices(5, 3), Counts()])
def test_nothing_seen_is_refused(metric):
    with pytest.raises(UserError, match="No test question"):
        metric.compute()


def test_no_numbers_are_refused():
    choices, counts = Choices(2, 1), Counts()
    zero = torch.zeros(1, dtype=torch.int64)
    choices.update(torch.tensor([[math.nan, 1.0]]), zero, zero, zero)
    counts.update(torch.tensor([math.inf]), zero, zero)
    for metric in (choices, counts):
        with pytest.raises(UserError, match="not finite"):
            metric.compute()

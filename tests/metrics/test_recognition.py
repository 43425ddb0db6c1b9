import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.recognition import Recognition, chance


def slow(logits, label, index, view, official):
    """Every figure with plain loops over dictionaries."""
    views = {}
    for row, i, v in zip(logits, index.tolist(), view.tolist(), strict=True):
        views.setdefault(i, {}).setdefault(v, row.double().softmax(0))
    truth = dict(zip(index.tolist(), label.tolist(), strict=True))
    mean = {i: sum(by_view.values()) / len(by_view) for i, by_view in views.items()}
    top1 = {i: int(p.argmax()) == truth[i] for i, p in mean.items()}
    top5 = {i: truth[i] in p.argsort(descending=True)[:5].tolist() for i, p in mean.items()}
    classes = [[top1[i] for i in mean if truth[i] == k] for k in set(truth.values())]
    right, missing = sum(top1.values()), official - len(mean)
    return {
        "top1": 100 * right / len(mean),
        "top5": 100 * sum(top5.values()) / len(mean),
        "mean_class": 100 * sum(sum(c) / len(c) for c in classes) / len(classes),
        "top1/low": 100 * right / official,
        "top1/high": 100 * (right + missing) / official,
    }


def test_views_are_averaged_and_repeats_counted_once():
    generator = torch.Generator().manual_seed(0)
    index = torch.arange(20).repeat_interleave(6)
    view = torch.arange(6).repeat(20)
    video_label = torch.randint(0, 9, (20,), generator=generator)
    logits = torch.randn(120, 9, generator=generator) + 1.5 * torch.nn.functional.one_hot(video_label[index], 9)
    order = torch.cat([torch.randperm(120, generator=generator), torch.tensor([5, 5, 77])])
    metric = Recognition(num_classes=9, official=23)
    for rows in order.split(17):
        metric.update(logits[rows], video_label[index[rows]], index[rows], view[rows])
    expected = slow(logits, video_label[index], index, view, official=23)
    assert metric.compute() == pytest.approx(expected)
    assert metric.missing == [20, 21, 22]
    assert metric.seen == list(range(20))


def test_worked_by_hand():
    # video 0: views disagree, class 1 wins on the mean; video 2: wrong; video 3: right. Video 1 is missing.
    logits = torch.tensor([[0.6, 0.4], [0.1, 0.9], [0.9, 0.1], [0.8, 0.2]]).log()
    metric = Recognition(num_classes=2, official=4)
    metric.update(logits, torch.tensor([1, 1, 1, 0]), torch.tensor([0, 0, 2, 3]), torch.tensor([0, 1, 0, 0]))
    result = metric.compute()
    assert result["top1"] == pytest.approx(100 * 2 / 3)
    assert result["mean_class"] == pytest.approx(100 * (1 / 2 + 1) / 2)
    assert (result["top1/low"], result["top1/high"]) == (50.0, 75.0)
    assert "top5" not in result
    assert metric.per_class() == {0: 100.0, 1: 50.0}
    assert metric.missing == [1]


def test_probabilities_are_averaged_not_logits():
    # three mild views for class 0 outvote one extreme view for class 1; the mean of the logits would say class 1
    logits = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 9.0]])
    assert logits.mean(0).argmax() == 1
    metric = Recognition(num_classes=2, official=1)
    metric.update(logits, torch.zeros(4, dtype=torch.int64), torch.zeros(4, dtype=torch.int64), torch.arange(4))
    assert metric.compute()["top1"] == 100.0


def test_chance():
    assert chance(400) == 0.25
    assert chance(400, 5) == 1.25
    assert chance(3, 5) == 100.0


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_video_and_a_diverged_model_are_errors():
    with pytest.raises(UserError, match="No test video"):
        Recognition(num_classes=2, official=4).compute()
    metric = Recognition(num_classes=2, official=4)
    metric.update(torch.full((1, 2), torch.nan), torch.tensor([0]), torch.tensor([0]))
    with pytest.raises(UserError, match="not finite"):
        metric.compute()

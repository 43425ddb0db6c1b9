"""Which places learn what, against a loop over places and actions; the loss goes down; empty videos and batches."""

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.heads.actionformer import ActionFormer, ActionFormerConfig
from internvideo_pl.objectives.localize import Localization, LocalizationObjective, assign

INFINITE = 1e4


def slow_assign(places, strides, reach, segments, labels, num_classes, radius):
    """As ActionFormer's label_points_single_video says it."""
    classes, distances = [], []
    for place, stride, (low, high) in zip(places, strides, reach, strict=True):
        lengths = []
        for start, end in segments:
            middle = (start + end) / 2
            left = place - max(middle - stride * radius, start)
            right = min(middle + stride * radius, end) - place
            farther = max(place - start, end - place)
            fits = min(left, right) > 0 and low <= farther <= high
            lengths.append(end - start if fits else float("inf"))
        least = min(lengths)
        row = [0.0] * num_classes
        for length, label in zip(lengths, labels, strict=True):
            if length < float("inf") and length <= least + 1e-3:
                row[label] = 1.0
        start, end = segments[lengths.index(least)]
        classes.append(row)
        distances.append([(place - start) / stride, (end - place) / stride])
    return classes, distances


@pytest.mark.parametrize("seed", range(8))
def test_places_learn_what_the_loop_says(seed):
    torch.manual_seed(seed)
    start = torch.rand(6) * 50
    segments = torch.stack([start, start + torch.rand(6) * 14], dim=1)
    segments[1] = segments[0]  # one stretch of two classes
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    places = torch.cat([torch.arange(0, 64, stride) for stride in (1, 2, 4)]).float()
    strides = torch.tensor([1.0] * 64 + [2.0] * 32 + [4.0] * 16)
    reach = torch.tensor([[0.0, 4.0]] * 64 + [[4.0, 8.0]] * 32 + [[8.0, INFINITE]] * 16)
    classes, distances = assign(places, strides, reach, segments, labels, 3, 1.5)
    slow = slow_assign(*(x.tolist() for x in (places, strides, reach, segments, labels)), 3, 1.5)
    assert classes.tolist() == slow[0]
    learning = classes.sum(1) > 0
    assert learning.any()
    torch.testing.assert_close(distances[learning], torch.tensor(slow[1])[learning])


def objective(**more) -> Localization:
    torch.manual_seed(0)
    config = ActionFormerConfig(width=16, heads=2, levels=3, windows=[5], max_len=32, drop_path=0.0)
    return Localization(ActionFormer(6, 2, config), LocalizationObjective(start_norm=10, **more))


def batch():
    torch.manual_seed(1)
    mask = torch.arange(32)[None] < torch.tensor([[32], [24]])
    segments = [torch.tensor([[3.0, 9.5], [14.0, 30.0]]), torch.tensor([[5.0, 6.5]])]
    return torch.randn(2, 6, 32) * mask[:, None], mask, segments, [torch.tensor([0, 1]), torch.tensor([1])]


@pytest.mark.parametrize("overlap", ["giou", "diou"])
def test_the_loss_goes_down_in_twenty_steps(overlap):
    model, data = objective(overlap=overlap, label_smoothing=0.1), batch()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = model(*data)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_a_batch_without_an_action_teaches_classes_and_has_a_gradient_for_every_weight():
    model, (features, mask, *_) = objective(), batch()
    nothing = [torch.zeros(0, 2)] * 2, [torch.zeros(0, dtype=torch.int64)] * 2
    losses = model(features, mask, *nothing)
    losses["loss"].backward()
    assert losses["regress"] == 0
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_the_scale_is_the_running_mean_of_learning_places_and_rests_in_tests():
    model, data = objective(), batch()
    model.eval()(*data)
    assert model.normalizer == 10
    model.train()(*data)
    assert 0.9 * 10 + 0.1 <= model.normalizer < 10.5


def test_padded_places_change_no_loss():
    model, (features, mask, segments, labels) = objective().eval(), batch()
    longer = torch.nn.functional.pad(features, (0, 32)), torch.nn.functional.pad(mask, (0, 32))
    for name, value in model(features, mask, segments, labels).items():
        torch.testing.assert_close(model(*longer, segments, labels)[name], value)


def test_values_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="radius=0"):
        LocalizationObjective(radius=0)

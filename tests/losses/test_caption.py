import math

import pytest
import torch
from torch import nn

from internvideo_pl.losses.caption import caption_labels, caption_loss

IDS = torch.tensor([[48, 5, 0, 6, 49, 0, 0], [48, 49, 0, 0, 0, 0, 0], [48, 1, 2, 3, 4, 5, 49]])


def test_labels_are_the_next_words_up_to_the_end() -> None:
    """Id 0 inside a sentence is a word; after the end token it is padding."""
    want = [[5, 0, 6, 49, -100, -100], [49, -100, -100, -100, -100, -100], [1, 2, 3, 4, 5, 49]]
    assert caption_labels(IDS).tolist() == want


def test_equals_loops() -> None:
    torch.manual_seed(0)
    labels, logits = caption_labels(IDS), torch.randn(3, 6, 50, dtype=torch.float64)
    losses = [
        -float(logits[b, i].log_softmax(0)[labels[b, i]]) for b in range(3) for i in range(6) if labels[b, i] >= 0
    ]
    assert len(losses) == 11
    assert caption_loss(logits, labels).item() == pytest.approx(sum(losses) / 11)


def test_ignorance_costs_the_log_of_the_vocabulary() -> None:
    assert caption_loss(torch.zeros(3, 6, 50), caption_labels(IDS)).item() == pytest.approx(math.log(50), rel=1e-5)


def test_goes_down_in_20_steps() -> None:
    torch.manual_seed(0)
    logits, labels = nn.Parameter(torch.randn(3, 6, 50)), caption_labels(IDS)
    optimizer = torch.optim.SGD([logits], lr=1.0)
    first = caption_loss(logits, labels).item()
    for _ in range(20):
        optimizer.zero_grad()
        caption_loss(logits, labels).backward()
        optimizer.step()
    assert caption_loss(logits, labels).item() < 0.9 * first

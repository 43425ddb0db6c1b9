"""The losses of a stretch by hand."""

import math

import torch

from internvideo_pl.losses.span import ends_loss, highlight_loss, highlighted


def test_ends_are_two_cross_entropies_and_padding_has_no_say():
    start = torch.tensor([[1.0, 2.0, float("-inf")], [0.0, 1.0, 3.0]])
    end = torch.tensor([[0.5, 0.0, float("-inf")], [2.0, 1.0, 0.0]])
    span = torch.tensor([[0, 1], [1, 2]])
    one = -1 + math.log(math.e + math.e**2) - 0 + math.log(math.e**0.5 + 1)
    two = -1 + math.log(1 + math.e + math.e**3) - 0 + math.log(math.e**2 + math.e + 1)
    torch.testing.assert_close(ends_loss(start, end, span), torch.tensor((one + two) / 2))


def test_highlight_widens_by_a_tenth_and_stays_inside():
    span, length = torch.tensor([[3, 12], [0, 9], [5, 5], [2, 6]]), torch.tensor([20, 10, 20, 7])
    found = highlighted(span, length, 20)
    # 10 places: one more on either side; at the borders none; 1 and 5 places: 0.1 and 0.5 round to none
    wanted = [range(2, 14), range(10), range(5, 6), range(2, 7)]
    assert [row.nonzero().flatten().tolist() for row in found] == [list(places) for places in wanted]


def test_highlight_loss_equals_a_loop():
    torch.manual_seed(0)
    logits, span = torch.randn(3, 12), torch.tensor([[0, 9], [4, 4], [2, 7]])
    length = [12, 6, 9]
    mask = torch.arange(12) < torch.tensor(length)[:, None]
    total = 0.0
    for row, count in enumerate(length):
        more = round(0.1 * float(span[row, 1] - span[row, 0] + 1))
        for place in range(count):
            inside = max(span[row, 0] - more, 0) <= place <= min(span[row, 1] + more, count - 1)
            share = 1 / (1 + math.exp(-float(logits[row, place])))
            total += -2 * math.log(share) if inside else -math.log(1 - share)
    torch.testing.assert_close(highlight_loss(logits, span, mask), torch.tensor(total / sum(length)))

"""The span head: padding changes nothing, gradients everywhere, spans in order, and it learns."""

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.heads.span import SpanHead, SpanHeadConfig, SpanScores, best_spans
from internvideo_pl.objectives.span import SpanConfig, Spans, nearest_span


def head(**changes) -> SpanHead:
    torch.manual_seed(0)
    return SpanHead(6, 5, SpanHeadConfig(**{"width": 16, "heads": 2, "max_len": 20, "max_words": 9} | changes))


def inputs(places: int = 12, words: int = 7) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    mask = torch.arange(places) < torch.tensor([places, places - 4])[:, None]
    said = torch.arange(words) < torch.tensor([words - 3, words])[:, None]
    return torch.randn(2, 6, places), mask, torch.randn(2, words, 5), said


def test_padding_changes_nothing():
    model, (features, mask, words, said) = head().eval(), inputs()
    scores = model(features, mask, words, said)
    assert scores.start[1, 8:].isneginf().all()
    alone = model(features[1:, :, :8], mask[1:, :8], words[1:], said[1:])
    short = model(features[:1], mask[:1], words[:1, :4], said[:1, :4])
    for name in ("highlight", "start", "end"):
        torch.testing.assert_close(getattr(scores, name)[1:, :8], getattr(alone, name), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(getattr(scores, name)[:1], getattr(short, name), rtol=1e-4, atol=1e-5)
    features[1, :, 8:] = 1e4
    again = model(features, mask, words, said)
    torch.testing.assert_close(again.start[1, :8], scores.start[1, :8])


def test_a_gradient_everywhere():
    objective = Spans(head(), SpanConfig())
    losses = objective(*inputs(), torch.tensor([[2, 5], [0, 3]]))
    assert set(losses) == {"loss", "ends", "highlight"}
    torch.testing.assert_close(losses["loss"], losses["ends"] + 5 * losses["highlight"])
    losses["loss"].backward()
    assert [name for name, value in objective.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_the_loss_goes_down():
    objective, given = Spans(head(dropout=0.0), SpanConfig()), inputs()
    optimizer = torch.optim.AdamW(objective.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = objective(*given, torch.tensor([[2, 5], [0, 3]]))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_best_spans_equal_a_loop_over_all_pairs():
    torch.manual_seed(3)
    start, end = torch.randn(4, 6), torch.randn(4, 6)
    start[2, 4:], end[2, 4:] = float("-inf"), float("-inf")
    start[3, 1:], end[3, 1:] = float("-inf"), float("-inf")  # one place: one pair
    found = best_spans(SpanScores(start, start, end), 5)
    for row in range(3):
        one, two = start[row].softmax(0), end[row].softmax(0)
        pairs = sorted(
            ((float(one[i] * two[j]), i, j) for i in range(6) for j in range(i, 6) if one[i] > 0 and two[j] > 0),
            reverse=True,
        )
        assert found[row].tolist() == [[i, j] for _, i, j in pairs[:5]]
    assert found[3].tolist() == [[0, 0]] * 5
    assert best_spans(SpanScores(start[:, :2], start[:, :2], end[:, :2]), 5).shape == (4, 5, 2)  # three pairs only


@pytest.mark.parametrize(
    ("window", "length", "duration", "span"),
    [
        ((0.0, 10.0), 10, 100.0, (0, 0)),
        ((14.0, 46.0), 10, 100.0, (1, 4)),  # 32 s of 40 beat 26 of 30
        ((95.0, 130.0), 10, 100.0, (9, 9)),  # beyond the clip
        ((50.0, 50.0), 10, 100.0, (5, 5)),  # of no length
        ((100.0, 100.0), 10, 100.0, (9, 9)),
        ((3.0, 4.0), 1, 8.0, (0, 0)),
    ],
)
def test_the_nearest_span_overlaps_most(window, length, duration, span):
    assert nearest_span(window, length, duration) == span


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="width=10 must be a multiple of heads=4"):
        SpanHeadConfig(width=10, heads=4)

"""The loss of hand positions by hand."""

import torch

from internvideo_pl.losses.hands import hand_loss


def test_equals_a_loop_over_the_coordinates_in_sight():
    torch.manual_seed(0)
    points, truth = torch.randn(4, 5, 2, 2) * 20, torch.randn(4, 5, 2, 2) * 20
    seen = torch.rand(4, 5, 2) > 0.4
    total, beta = 0.0, 5.0
    for clip in range(4):
        for moment in range(5):
            for hand in range(2):
                for axis in range(2):
                    error = abs(float(points[clip, moment, hand, axis] - truth[clip, moment, hand, axis]))
                    if seen[clip, moment, hand]:
                        total += 0.5 * error**2 / beta if error < beta else error - 0.5 * beta
    torch.testing.assert_close(hand_loss(points, truth, seen, beta), torch.tensor(total / 4))


def test_hands_out_of_sight_give_no_gradient_and_no_nan():
    points = torch.zeros(2, 5, 2, 2, requires_grad=True)
    truth = torch.full((2, 5, 2, 2), float("inf"))
    loss = hand_loss(points, truth, torch.zeros(2, 5, 2, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert points.grad is not None
    assert (points.grad == 0).all()

"""Cutting clips into tubes and putting them back together."""

import torch

from internvideo_pl.backbones.tubes import gather_tokens, tubes_of, video_of


def test_tubes_by_hand():
    video = torch.arange(3 * 4 * 4 * 6.0).view(1, 3, 4, 4, 6)
    tubes = tubes_of(video, 2, 2)
    assert tubes.shape == (1, 2 * 2 * 3, 24)
    for t in range(2):
        for h in range(2):
            for w in range(3):
                expected = [
                    video[0, c, 2 * t + p0, 2 * h + p1, 2 * w + p2].item()
                    for p0 in range(2)
                    for p1 in range(2)
                    for p2 in range(2)
                    for c in range(3)
                ]
                assert tubes[0, (t * 2 + h) * 3 + w].tolist() == expected
    assert torch.equal(video_of(tubes, (2, 2, 3), 2, 2), video)


def test_chosen_tubes_are_those_among_all():
    video = torch.randn(2, 3, 4, 4, 6)
    chosen = torch.tensor([[0, 5, 11], [7, 7, 2]])
    assert torch.equal(tubes_of(video, 2, 2, chosen), gather_tokens(tubes_of(video, 2, 2), chosen))


def test_gather_tokens():
    tokens = torch.arange(24.0).view(2, 4, 3)
    found = gather_tokens(tokens, torch.tensor([[2, 0], [3, 3]]))
    assert found.tolist() == [tokens[0, [2, 0]].tolist(), tokens[1, [3, 3]].tolist()]

"""TCANet: proposals against a loop over pairs, sampling by hand, gradients, a loss that goes down."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.heads.detect_segments import DetectConfig, detect_proposals
from internvideo_pl.heads.tcanet import Refined, Refinement, Tcanet, TcanetConfig, propose
from internvideo_pl.objectives.propose import ProposalObjective, Proposals, boundary_places, nearest

SMALL = TcanetConfig(width=16, heads=4, blocks=1, window=5, samples=4, proposals=12)


def slow_proposals(probability, count):
    """Peaks, and what is above half of the highest, of starts and of ends; every start before every end."""
    marked = []
    for row in probability.tolist():
        padded = [0.0, *row, 0.0]
        marked.append(
            [p if (p > padded[i] and p > padded[i + 2]) or p > 0.5 * max(row) else 0.0 for i, p in enumerate(row)]
        )
    pairs = [(marked[0][i] * marked[1][j], i, j) for i in range(len(marked[0])) for j in range(i + 1, len(marked[1]))]
    return [pair for pair in sorted(pairs, reverse=True)[:count] if pair[0] > 0]


@pytest.mark.parametrize("seed", range(4))
def test_proposals_are_the_likeliest_pairs_of_boundaries(seed):
    torch.manual_seed(seed)
    probability = torch.rand(1, 2, 11)
    segments, priors = propose(probability, 15)
    expected = slow_proposals(probability[0], 15)
    np.testing.assert_allclose(priors[0, : len(expected)], [pair[0] for pair in expected], rtol=1e-5)
    assert segments[0, : len(expected)].tolist() == [[i, j] for _, i, j in expected]
    assert (priors[0, len(expected) :] == 0).all()


def test_regions_are_interpolated_between_places():
    x = torch.arange(10.0).expand(1, 16, 10)
    region = Refinement(SMALL)._region(x, torch.tensor([[[2.0]]]), torch.tensor([[[6.0]]]))
    torch.testing.assert_close(region.view(16, 4)[0], torch.tensor([2.5, 3.5, 4.5, 5.5]))


def test_a_refinement_that_says_nothing_moves_nothing_and_both_ways_are_averaged():
    before = torch.tensor([[[2.0, 6.0]]])
    nothing = torch.zeros(1, 1, 2)
    torch.testing.assert_close(Refined(before, nothing, nothing, torch.zeros(1, 1)).after(), before)
    ends = torch.tensor([[[0.25, 0.5]]])  # by one place and by two
    torch.testing.assert_close(Refined(before, ends, nothing, torch.zeros(1, 1)).after(), torch.tensor([[[2.5, 7.0]]]))


def test_overlaps_and_boundaries():
    overlap, true = nearest(torch.tensor([[0.0, 4.0], [8.0, 9.0]]), torch.tensor([[2.0, 6.0], [3.0, 5.0]]))
    torch.testing.assert_close(overlap, torch.tensor([2 / 6, 0.0]))
    assert true[0].tolist() == [2.0, 6.0]
    assert nearest(torch.tensor([[0.0, 4.0]]), torch.zeros(0, 2))[0].tolist() == [0.0]
    places = boundary_places(torch.tensor([[2.0, 22.0]]), 25)
    assert places[0].nonzero().flatten().tolist() == [0, 1, 2, 3, 4]  # a tenth of the length to either side
    assert places[1].nonzero().flatten().tolist() == [20, 21, 22, 23, 24]


def test_the_loss_goes_down_and_every_weight_has_a_gradient():
    torch.manual_seed(0)
    objective = Proposals(Tcanet(6, SMALL), ProposalObjective())
    mask = torch.arange(32)[None] < torch.tensor([[32], [24]])
    features = torch.randn(2, 6, 32) * mask[:, None]
    segments = [torch.tensor([[3.0, 9.5], [14.0, 30.0]]), torch.zeros(0, 2)]
    labels = [torch.zeros(2, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)]
    optimizer = torch.optim.AdamW(objective.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = objective(features, mask, segments, labels)["loss"]
        optimizer.zero_grad()
        loss.backward()
        assert [name for name, weight in objective.named_parameters() if weight.grad is None] == []
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    found = detect_proposals(objective.model.eval()(features, mask), DetectConfig(before=0.0, least=0.0, vote=0.0))
    assert len(found) == 2
    assert all((each.segments[:, 1] > each.segments[:, 0]).all() and (each.labels == 0).all() for each in found)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="heads=3 must be even"):
        TcanetConfig(heads=3)

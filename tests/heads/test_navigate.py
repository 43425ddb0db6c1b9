"""The policy: masks hide what they mask, every parameter learns, and the whole agent reads both encoders."""

import math

import pytest
import torch

from internvideo_pl.backbones.choices import FrozenPairChoice, MaskedChoice, MultimodalChoice
from internvideo_pl.heads.navigate import (
    GEOMETRY,
    Decision,
    NavigateHead,
    NavigateHeadConfig,
    NavigationAgent,
    direction,
    stack,
)

VIEWS, FEATURES, TEXT = 6, 10, 12
SMALL = NavigateHeadConfig(width=16, depth=2, heads=2, dropout=0.0)


def head():
    torch.manual_seed(0)
    return NavigateHead(TEXT, FEATURES, SMALL).eval()


def decision(past=2, episode=0, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return Decision(
        episode=torch.tensor([episode]),
        views=torch.randn(1, VIEWS, FEATURES, generator=draw),
        directions=torch.randn(1, VIEWS, GEOMETRY, generator=draw),
        open=torch.tensor([[True, False, True, True, False, True]]),
        past=torch.randn(1, past, FEATURES, generator=draw),
        past_directions=torch.randn(1, past, GEOMETRY, generator=draw),
        past_mask=torch.ones(1, past, dtype=torch.bool),
    )


def words(lengths=(5, 3)):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return torch.randn(len(lengths), max(lengths), TEXT, generator=torch.Generator().manual_seed(1)), mask


def scores(policy, what, said, mask):
    return policy(what, policy.read(said, mask), mask)


def test_blocked_waypoints_are_never_chosen():
    found = scores(head(), decision(), *words())
    assert found.shape == (1, VIEWS + 1)
    assert torch.isinf(found[0, [1, 4]]).all()
    assert torch.isfinite(found[0, [0, 2, 3, 5, 6]]).all()


def test_decisions_of_unlike_pasts_score_as_each_alone():
    policy, (said, mask) = head(), words()
    many = [decision(past, episode, seed) for past, episode, seed in ((0, 0, 1), (3, 1, 2), (1, 1, 3))]
    alone = torch.cat([scores(policy, each, said, mask) for each in many])
    torch.testing.assert_close(scores(policy, stack(many), said, mask), alone)


def test_padding_of_words_changes_nothing_and_words_matter():
    policy, (said, mask) = head(), words()
    short = scores(policy, decision(episode=1), said, mask)
    torch.testing.assert_close(short, scores(policy, decision(episode=1), said[:, :3], mask[:, :3]))
    changed = said.clone()
    changed[1, 3:] = 99.0
    torch.testing.assert_close(short, scores(policy, decision(episode=1), changed, mask))
    changed[1, 0] = said[0, 0]
    assert not torch.allclose(short, scores(policy, decision(episode=1), changed, mask))


def test_the_past_matters():
    policy, (said, mask) = head(), words()
    one, other = decision(2, seed=1), decision(2, seed=1)
    other.past[0, 0] += 1.0
    assert not torch.allclose(scores(policy, one, said, mask), scores(policy, other, said, mask))


def test_every_parameter_gets_a_gradient():
    policy = head().train()
    what = stack([decision(3, 0, 1), decision(1, 1, 2)])
    torch.nn.functional.cross_entropy(scores(policy, what, *words()), torch.tensor([2, VIEWS])).backward()
    assert [name for name, value in policy.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_it_learns_to_do_what_a_word_says():
    """The first word says which of two features marks the way; sixty steps suffice."""
    torch.manual_seed(0)
    policy = NavigateHead(TEXT, FEATURES, SMALL)
    optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
    losses = []
    for _ in range(60):
        views = torch.zeros(16, VIEWS, FEATURES)
        said = torch.zeros(16, 2, TEXT)
        which, place = torch.randint(2, (16,)), torch.stack([torch.randperm(VIEWS)[:2] for _ in range(16)])
        rows = torch.arange(16)
        said[rows, 0, which] = 3.0
        for feature in range(2):
            views[rows, place[:, feature], feature] = 3.0
        nothing = torch.zeros(16, 0, FEATURES)
        what = Decision(
            episode=rows,
            views=views,
            directions=torch.zeros(16, VIEWS, GEOMETRY),
            open=torch.ones(16, VIEWS, dtype=torch.bool),
            past=nothing,
            past_directions=torch.zeros(16, 0, GEOMETRY),
            past_mask=torch.zeros(16, 0, dtype=torch.bool),
        )
        target = place[rows, which]
        loss = torch.nn.functional.cross_entropy(scores(policy, what, said, torch.ones(16, 2).bool()), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1.5
    assert sum(losses[-5:]) / 5 < 0.35


def test_directions_are_angle_distance_and_whether_they_are_open():
    assert direction(math.pi / 2, 2.0, True) == pytest.approx([1.0, 0.0, 2.0, 1.0], abs=1e-9)


def test_the_agent_reads_both_encoders_and_trains_neither():
    torch.manual_seed(0)
    pair = FrozenPairChoice(
        masked=MaskedChoice(size="tiny", num_frames=4), multimodal=MultimodalChoice(size="tiny", num_frames=1)
    )
    agent = NavigationAgent(pair.masked.build(), pair.multimodal.build(), 10, SMALL)
    assert {name.split(".")[0] for name, value in agent.named_parameters() if value.requires_grad} == {"head"}
    agent.train()
    assert not agent.masked.training
    assert not agent.multimodal.training
    clips = torch.randint(256, (3, 2, 48, 48, 3), dtype=torch.uint8)
    seen = agent.see(clips)
    assert seen.shape == (3, agent.masked.embed_dim + agent.multimodal.embed_dim)
    assert not seen.requires_grad
    earlier = clips.clone()
    earlier[:, 0] = 0  # the masked encoder sees the way here, the multimodal one the present
    changed = (agent.see(earlier) - seen).abs().amax(0)
    assert changed[: agent.masked.embed_dim].min() > 0
    assert changed[agent.masked.embed_dim :].max() == 0
    assert agent.hear(torch.ones(2, 7, dtype=torch.int64)).shape == (2, 7, 96)

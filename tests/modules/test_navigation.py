"""Roll-outs: an oracle arrives, the same seeds do the same, and what training sees is kept."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from data_modules.r2r_ce import R2RCE, R2RCEConfig
from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice
from internvideo_pl.data.episode import Episode
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.heads.navigate import NavigateHeadConfig, NavigationAgent
from internvideo_pl.metrics.navigation import figures
from internvideo_pl.modules.align import tokenizer_of
from internvideo_pl.modules.navigation import journey
from internvideo_pl.modules.panorama import Look, Panoramas
from internvideo_pl.modules.rollout import Rollouts, begin, depths
from internvideo_pl.objectives.navigate import ImitationConfig
from internvideo_pl.simulators.agents import act_randomly, go_forward
from internvideo_pl.simulators.simulator import Action

SIZES = {"scenes": 2, "unseen": 1, "routes": 2, "instructions": 1}
CONFIG = ImitationConfig(max_decisions=12, train_decisions=15, hop=2.0, grid=1.0)
VIEWS = 12


class Glance(NavigationAgent):
    """Sees the mean colour of every view alone, so that roll-outs take no time."""

    looked = 0

    def see(self, clips):
        self.looked += len(clips)
        return clips.float().mean(dim=(1, 2, 3)).repeat(1, 60)[:, :160] / 255


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = make_mini("r2r_ce", tmp_path_factory.mktemp("mini"), **SIZES)
    config = R2RCEConfig(name="r2r_ce", num_frames=1, size=16, short_side=16, batch_size=2, num_workers=0, hfov=60.0)
    return R2RCE(config, root)


@pytest.fixture
def agent():
    torch.manual_seed(0)
    masked = MaskedChoice(size="tiny", num_frames=4).build()
    multimodal = MultimodalChoice(size="tiny", num_frames=1).build()
    return Glance(masked, multimodal, 10, NavigateHeadConfig(width=16, depth=1, heads=2, dropout=0.0))


def rollouts(agent, pictures=1, grid=1.0):
    return Rollouts(agent, tokenizer_of(agent.multimodal), CONFIG, VIEWS, pictures, grid)


def runs(data, seed=0):
    samples = data.split("train").samples
    return [begin(Episode.of(s.annotation), str(s.path), data.open_scene(str(s.path)), seed, 500) for s in samples]


def judged(run):
    return figures(journey(run.walk, np.array(run.episode.goal)), run.episode.truth)


def test_the_oracle_arrives(data, agent):
    all_ = runs(data)
    lesson = rollouts(agent).teach(all_, trust=1.0, success=3.0)
    found = [judged(run) for run in all_]
    assert [figure["SR"] for figure in found] == [1.0] * 4
    assert min(figure["SPL"] for figure in found) > 0.75
    assert len(lesson.choice) == sum(run.decisions for run in all_)
    assert (lesson.choice == VIEWS).sum() == 4  # each stops once
    assert lesson.decision.open[torch.arange(len(lesson.choice)), lesson.choice.clamp(max=VIEWS - 1)][
        lesson.choice < VIEWS
    ].all()
    assert set(lesson.decision.episode.tolist()) == {0, 1, 2, 3}
    assert max(run.decisions for run in all_) == lesson.decision.past.shape[1] + 1


def test_the_same_seeds_do_the_same_and_others_do_not(data, agent):
    def paths(seed):
        made = runs(data, seed)
        rollouts(agent).teach(made, trust=0.3, success=3.0)
        return [run.walk.positions for run in made]

    once, again, other = paths(1), paths(1), paths(2)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert any(len(a) != len(b) or not np.array_equal(a, b) for a, b in zip(once, other, strict=True))


def test_a_tested_episode_is_cut_off_after_its_last_decision(data, agent):
    """The release's simulator is over after 20 steps, and what did not stop by then is no success."""
    made = runs(data)
    torch.nn.init.constant_(agent.head.stop.bias, -100.0)
    rollouts(agent).follow(made)
    for run in made:
        assert (run.walk.stopped, run.decisions) == (False, CONFIG.max_decisions)
        assert len(run.past) == CONFIG.max_decisions  # the last one was acted on
        assert (judged(run)["SR"], judged(run)["release/SR"]) == (0, 0)
        assert judged(run)["release/steps"] == CONFIG.max_decisions
        assert "was cut off" in run.verdict
    near = dataclasses.replace(made[0].episode, goal=tuple(made[0].walk.pose.position))
    found = figures(journey(made[0].walk, np.array(near.goal)), near.truth)
    assert (found["NE"], found["release/OSR"], found["release/SR"], found["SR"]) == (0, 1, 0, 0)


def test_the_last_decision_of_a_training_episode_is_to_stop(data, agent):
    made = runs(data)
    torch.nn.init.constant_(agent.head.stop.bias, -100.0)
    rollouts(agent).teach(made, trust=0.0, success=3.0)
    assert all(run.walk.stopped and run.decisions == CONFIG.train_decisions for run in made)


def test_training_goes_where_the_agent_likes_best(data, agent):
    """As in the release, nothing is drawn: with no trust in the oracle, any seed walks as a test does."""
    agent.eval()
    tested = runs(data)
    rollouts(agent).follow(tested)
    for seed in (1, 2):
        taught = runs(data, seed)
        rollouts(agent).teach(taught, trust=0.0, success=3.0)
        for one, other in zip(taught, tested, strict=True):
            both = min(CONFIG.train_decisions, CONFIG.max_decisions) - 1
            upto = [*one.walk.ends, *[len(one.walk.actions)] * both][both - 1]
            assert one.walk.actions[:upto] == other.walk.actions[:upto]
            assert len(one.walk.ends) > 1


def test_a_journey_tells_forward_actions_and_where_decisions_ended(data, agent):
    made = runs(data)
    rollouts(agent).teach(made, trust=1.0, success=3.0)
    for run in made:
        found = journey(run.walk, np.array(run.episode.goal))
        assert found.forward.tolist() == [action is Action.FORWARD for action in run.walk.actions]
        assert len(found.ends) == run.decisions == len(run.past) + 1
        assert found.ends[-1] == len(run.walk.actions)
        letters = "".join("SFLR"[action] for action in run.walk.actions)
        *ways, last = ["".join(part) for part in np.split(list(letters), found.ends[:-1])]
        assert last == "S"
        assert all(re.fullmatch("(L*|R*)F+", way) for way in ways)
    blind = runs(data)[0].walk
    go_forward(blind, np.random.default_rng(0))
    single = journey(blind, np.array(made[0].episode.goal))
    assert single.ends.tolist() == list(range(1, len(blind.poses)))  # an action is a decision


def test_long_instructions_are_read_in_stretches(agent):
    maker = rollouts(agent)
    words, mask = maker.hear(["go " * 70, "stop"])
    assert mask.sum(1)[0] > maker.tokenizer.context_length
    assert words.shape[1] == mask.sum(1)[0]
    alone, _ = maker.hear(["stop"])
    torch.testing.assert_close(words[1, : alone.shape[1]], alone[0])


def test_viewpoints_are_near_and_reached_straight(data, agent):
    scene = str(data.split("train").samples[0].path)
    simulator = data.open_scene(scene)
    panoramas = Panoramas(agent, 1.0, 1e6)
    for run in runs(data):
        if run.scene == scene:
            for position in run.episode.truth:
                there = np.array(panoramas.viewpoint(simulator, position))
                assert np.linalg.norm(there - position) < 1.5
                assert np.array_equal(there, position) or simulator.is_straight(position, there)
    assert Panoramas(agent, 0.0, 1e6).viewpoint(simulator, run.episode.truth[0]) == pytest.approx(run.episode.truth[0])


def test_features_are_kept_within_their_budget(data, agent):
    run = runs(data)[0]
    room = run.simulator.scene.rooms[0]
    places = [(room.centre[0] + d, 0.0, room.centre[1]) for d in (0.0, 0.1, 0.2)]
    looks = [Look(run.scene, run.simulator, (place,)) for place in places]
    size = VIEWS * 160 * 4
    panoramas = Panoramas(agent, 1.0, 2 * size)
    first = panoramas.features(looks[:2], torch.device("cpu"))
    assert agent.looked == 2 * VIEWS
    again = panoramas.features([looks[1], looks[0], looks[1]], torch.device("cpu"))
    assert agent.looked == 2 * VIEWS
    assert torch.equal(again[0], first[1])
    panoramas.features(looks, torch.device("cpu"))
    assert len(panoramas.kept) == 2
    assert panoramas.bytes == 2 * size
    exact = Panoramas(agent, 0.0, 1e9)
    exact.features(looks, torch.device("cpu"))
    assert not exact.kept


def test_depths_are_those_around_each_view():
    ranges = np.arange(120.0)
    found = np.expm1(depths(ranges, 12))
    assert found[3] == pytest.approx(np.arange(25, 35), rel=1e-5)
    assert found[0] == pytest.approx([115, 116, 117, 118, 119, 0, 1, 2, 3, 4], rel=1e-5)


def test_blind_agents_do_what_they_say(data):
    run = runs(data)[0]
    go_forward(run.walk, np.random.default_rng(0))
    assert run.walk.actions.count(Action.FORWARD) == 37
    assert run.walk.stopped
    counts = np.zeros(4)
    for seed in range(40):
        other = runs(data)[0].walk
        act_randomly(other, np.random.default_rng(seed))
        counts += np.bincount([int(action) for action in other.actions], minlength=4)
    assert counts / counts.sum() == pytest.approx([0.02, 0.68, 0.15, 0.15], abs=0.04)


def test_losses_want_episodes(agent):
    from internvideo_pl.data.batch import Batch
    from internvideo_pl.modules.navigation import VisionLanguageNavigation
    from internvideo_pl.objectives.navigate import Imitation
    from internvideo_pl.optim import OptimizerConfig

    module = VisionLanguageNavigation(
        Imitation(agent, CONFIG), optimizer=OptimizerConfig(lr=1e-3), total_steps=1, global_batch=1
    )
    empty = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(UserError, match="cannot be planned"):
        module.losses(Batch(torch.empty(1, 0), empty, empty, empty))

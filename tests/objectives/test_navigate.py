"""Imitation: when the oracle is followed, and what it does."""

import numpy as np
import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.heads.waypoints import Waypoints
from internvideo_pl.objectives.navigate import ImitationConfig, oracle_choice

STOP = 3


def ways(*distances):
    return Waypoints(np.zeros(len(distances)), np.array(distances))


@pytest.mark.parametrize(
    ("here", "there", "choice"),
    [
        (5.0, [4.0, 3.0, 6.0], 1),
        (5.0, [4.0, 3.0, 1.0], 1),  # the third is blocked
        (1.4, [1.0, 1.0, 1.0], STOP),
        (2.0, [2.0, 2.5, 0.0], STOP),  # near enough, and nothing is nearer
        (2.0, [1.9, 2.5, 0.0], 0),
        (5.0, [6.0, 7.0, 0.0], 0),  # not near enough: the way goes on
        (5.0, [np.inf, np.inf, 0.0], STOP),  # nowhere to go
    ],
)
def test_the_oracle_goes_nearer_and_stops_there(here, there, choice):
    assert oracle_choice(ways(1.0, 1.0, 0.0), here, np.array(there), stop_within=1.5, success=3.0) == choice


def test_trust_in_the_oracle_falls_by_steps_as_in_the_release():
    config = ImitationConfig()
    assert [config.trust(step) for step in (0, 1999, 2000, 9999)] == pytest.approx([0.75, 0.75, 0.75**2, 0.75**5])
    assert ImitationConfig(teacher=1.0).trust(10**6) == 1.0


def test_lengths_are_those_of_the_release():
    config = ImitationConfig()
    assert (config.max_decisions, config.train_decisions) == (20, 25)  # MAX_EPISODE_STEPS and IL.max_traj_len
    assert (config.hop, config.max_words, config.stop_within) == (3.0, 200, 1.5)


@pytest.mark.parametrize(
    "change", [{"teacher": 1.5}, {"teacher_steps": 0}, {"train_decisions": 0}, {"hop": 0.2}, {"grid": -1.0}]
)
def test_what_cannot_be_is_refused(change):
    with pytest.raises(UserError, match=next(iter(change))):
        ImitationConfig(**change)

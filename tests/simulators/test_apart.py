"""A simulator in a process of its own: it answers as one here, says what it says, and its death is one sentence."""

import gc
import os
import signal
from functools import partial

import numpy as np
import pytest

from internvideo_pl.errors import RunFailed, UserError
from internvideo_pl.simulators.apart import SimulatorApart
from internvideo_pl.simulators.rooms.layout import draw_scene
from internvideo_pl.simulators.rooms.scene import read_scene
from internvideo_pl.simulators.rooms.simulator import RoomsSimulator
from internvideo_pl.simulators.simulator import Action, Camera, Pose

CAMERA = Camera(views=4, size=8, depth_size=8)


@pytest.fixture(scope="module")
def here() -> RoomsSimulator:
    return RoomsSimulator(draw_scene(np.random.default_rng(0)), CAMERA)


@pytest.fixture(scope="module")
def apart(here) -> SimulatorApart:
    return SimulatorApart(partial(RoomsSimulator, here.scene, CAMERA), "a house", CAMERA)


def test_it_answers_as_one_here(here, apart):
    x, z = here.scene.rooms[0].centre
    pose = Pose(np.array([x + 0.5, 0.0, z]), 0.3)
    apart.check(pose.position)
    for action in (1, 1, 2, 1, 3, 1, 0):
        ours, met = here.step(pose, Action(action))
        pose, found = apart.step(pose, Action(action))
        assert np.array_equal(pose.position, ours.position)
        assert (pose.heading, found) == (ours.heading, met)
    for look in ("rgb", "depth", "ranges"):
        assert np.array_equal(getattr(apart, look)(pose.position), getattr(here, look)(pose.position))
    goal = np.array([*here.scene.rooms[3].centre, 0.0])[[0, 2, 1]]
    positions = np.stack([pose.position, goal])
    assert np.array_equal(apart.distances(positions, goal), here.distances(positions, goal))
    assert apart.is_straight(pose.position, goal) == here.is_straight(pose.position, goal)


def test_what_it_refuses_is_said_and_it_goes_on(here, apart):
    with pytest.raises(UserError):
        apart.check(np.array([-50.0, 0.0, 0.0]))
    x, z = here.scene.rooms[0].centre
    apart.check(np.array([x, 0.0, z]))


def test_a_scene_that_cannot_be_opened_is_said(tmp_path):
    with pytest.raises(UserError, match="nothing"):
        SimulatorApart(partial(read_scene, tmp_path / "nothing.json"), "nothing", CAMERA)


def test_its_death_is_one_sentence_and_it_ends_with_its_holder(here):
    made = SimulatorApart(partial(RoomsSimulator, here.scene, CAMERA), "a house", CAMERA)
    process = made._process
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(RunFailed, match=r"the simulator of a house ended by itself \(exit code -9\)"):
        made.ranges(np.zeros(3))
    other = SimulatorApart(partial(RoomsSimulator, here.scene, CAMERA), "a house", CAMERA)
    process = other._process
    del other
    gc.collect()
    assert process.exitcode == 0

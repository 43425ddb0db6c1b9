"""Habitat's adapter: what it says where Habitat is absent, and what it asks of the interface where it is there.

habitat-sim comes from no package index, so its place is taken here by the same calls answered by our rooms: what is
tested is the adapter's arithmetic (frames, quaternions, depth, collisions), not Habitat.
"""

import importlib.util
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from internvideo_pl.data.navigation import open_scene
from internvideo_pl.errors import UserError
from internvideo_pl.simulators.habitat import HabitatSimulator
from internvideo_pl.simulators.rooms.layout import draw_scene
from internvideo_pl.simulators.rooms.simulator import RoomsSimulator
from internvideo_pl.simulators.simulator import Action, Camera, Pose, heading_of, rotation_of

CAMERA = Camera(views=4, size=8, depth_size=8)
ACTIONS = {"move_forward": Action.FORWARD, "turn_left": Action.LEFT, "turn_right": Action.RIGHT}


class AnsweredByRooms:
    """The calls of habitat_sim that the adapter makes, on one of our houses."""

    def __init__(self, rooms):
        self.rooms, self.made = rooms, []
        self.SensorType = SimpleNamespace(COLOR="color", DEPTH="depth")
        self.agent = SimpleNamespace(
            AgentConfiguration=SimpleNamespace,
            ActionSpec=lambda name, actuation: (name, actuation.amount),
            ActuationSpec=lambda amount: SimpleNamespace(amount=amount),
        )
        self.SimulatorConfiguration = self.CameraSensorSpec = self.AgentState = self.ShortestPath = SimpleNamespace
        self.state = Pose(np.zeros(3), 0.0)

    def Configuration(self, backend, agents):  # noqa: N802
        return SimpleNamespace(backend=backend, agents=agents)

    def Simulator(self, configuration):  # noqa: N802
        self.made.append(configuration)
        finder = SimpleNamespace(is_loaded=True, is_navigable=self.rooms.is_free, find_path=self.find)
        body = SimpleNamespace(set_state=self.set, get_state=self.get, act=self.act)
        return SimpleNamespace(pathfinder=finder, get_agent=lambda i: body, get_sensor_observations=self.look)

    def find(self, path):
        start = np.asarray(path.requested_start, dtype=float)
        path.geodesic_distance = self.rooms.distances(start[None], np.asarray(path.requested_end, dtype=float))[0]
        return np.isfinite(path.geodesic_distance)

    def set(self, state, reset_sensors):
        assert math.isclose(np.linalg.norm(state.rotation), 1.0)
        self.state = Pose(np.asarray(state.position, dtype=float), heading_of(tuple(state.rotation)))

    def get(self):
        x, y, z, w = rotation_of(self.state.heading)
        return SimpleNamespace(position=self.state.position, rotation=SimpleNamespace(x=x, y=y, z=z, w=w))

    def act(self, name):
        self.state, met = self.rooms.step(self.state, ACTIONS[name])
        return met

    def look(self):
        view = round(self.state.heading / (math.tau / CAMERA.views)) % CAMERA.views
        colour = self.rooms.rgb(self.state.position)[view]
        alpha = np.full((*colour.shape[:2], 1), 255, dtype=np.uint8)
        return {"rgb": np.concatenate([colour, alpha], axis=-1), "depth": self.rooms.depth(self.state.position)[view]}


@pytest.fixture
def rooms():
    return RoomsSimulator(draw_scene(np.random.default_rng(0)), CAMERA)


@pytest.fixture
def stand_in(rooms, monkeypatch):
    module = AnsweredByRooms(rooms)
    monkeypatch.setitem(sys.modules, "habitat_sim", module)
    return module


@pytest.fixture
def simulator(stand_in, tmp_path):
    (tmp_path / "a.glb").touch()
    return HabitatSimulator(tmp_path / "a.glb", CAMERA, sliding=True)


@pytest.mark.skipif(importlib.util.find_spec("habitat_sim") is not None, reason="habitat-sim is installed here")
def test_without_habitat_the_error_names_what_to_install(tmp_path):
    for opened in (HabitatSimulator, lambda path: open_scene(path, CAMERA, sliding=True)):
        with pytest.raises(UserError, match=r"conda install habitat-sim .* MINI=1") as caught:
            opened(tmp_path / "a.glb")
        assert "\n" not in str(caught.value)


def test_a_scene_that_is_not_there_is_an_error(stand_in, tmp_path):
    with pytest.raises(UserError, match=r"a\.glb is not there"):
        HabitatSimulator(tmp_path / "a.glb")


def test_another_kind_of_scene_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no simulator for the scene"):
        open_scene(tmp_path / "a.obj", CAMERA, sliding=True)


def test_it_is_configured_as_vln_ce_says(simulator, stand_in, tmp_path):
    (made,) = stand_in.made
    assert made.backend.scene_id == str(tmp_path / "a.glb")
    assert made.backend.allow_sliding is True
    assert made.backend.gpu_device_id == 0
    (agent,) = made.agents
    assert (agent.height, agent.radius) == (1.5, 0.1)
    amounts = dict(agent.action_space.values())
    assert amounts == {"move_forward": 0.25, "turn_left": pytest.approx(15), "turn_right": pytest.approx(15)}
    colour, depth = agent.sensor_specifications
    assert (colour.uuid, colour.resolution, colour.position, colour.hfov) == ("rgb", [8, 8], [0.0, 1.25, 0.0], 90.0)
    assert (depth.uuid, depth.sensor_type) == ("depth", "depth")


def test_the_release_that_vln_ce_names_has_one_class_for_all_sensors(stand_in, tmp_path):
    (tmp_path / "a.glb").touch()
    stand_in.SensorSpec = lambda: SimpleNamespace(parameters={})
    del stand_in.CameraSensorSpec
    HabitatSimulator(tmp_path / "a.glb", CAMERA, sliding=False, gpu=3)
    (made,) = stand_in.made
    assert [sensor.parameters for sensor in made.agents[0].sensor_specifications] == [{"hfov": "90.0"}] * 2
    assert (made.backend.allow_sliding, made.backend.gpu_device_id) == (False, 3)


def test_it_moves_sees_and_measures_as_what_is_behind_it(simulator, rooms):
    x, z = rooms.scene.rooms[0].centre
    pose = Pose(np.array([x + 0.5, 0.0, z]), 0.3)
    simulator.check(pose.position)
    with pytest.raises(UserError, match="navigation mesh"):
        simulator.check(np.array([-5.0, 0.0, 0.0]))
    for action in (1, 1, 2, 1, 3, 3, 1, 0, 1):
        ours, met = rooms.step(pose, Action(action))
        pose, found = simulator.step(pose, Action(action))
        assert pose.position == pytest.approx(ours.position, abs=1e-5)
        assert math.cos(pose.heading - ours.heading) == pytest.approx(1.0)
        assert found == met
    assert np.array_equal(simulator.rgb(pose.position), rooms.rgb(pose.position.astype(np.float32).astype(float)))
    assert simulator.depth(pose.position) == pytest.approx(rooms.depth(pose.position), abs=1e-3)
    goal = np.array([*rooms.scene.rooms[3].centre, 0.0])[[0, 2, 1]]
    assert simulator.distances(pose.position[None], goal) == pytest.approx(
        rooms.distances(pose.position[None], goal), abs=1e-4
    )
    near = pose.position + np.array([0.3, 0, 0])
    assert simulator.is_straight(pose.position, near) == rooms.is_straight(pose.position, near)
    assert simulator.ranges(pose.position).shape == (120,)


def test_depth_without_a_surface_is_far(simulator, stand_in, rooms, monkeypatch):
    monkeypatch.setattr(rooms, "depth", lambda position: np.zeros((4, 8, 8), dtype=np.float32))
    x, z = rooms.scene.rooms[0].centre
    assert (simulator.depth(np.array([x, 0.0, z])) == CAMERA.far).all()

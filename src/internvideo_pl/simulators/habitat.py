"""Habitat as a simulator: Matterport's scans through habitat-sim's public interface (0.1.7, VLN-CE's, to 0.3).

Imported where it is used: habitat-sim comes from its own channels, not from a package index. A process can hold one of
its simulators only, for it renders in one OpenGL context: `habitat_apart` gives each scene a process.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.errors import UserError
from internvideo_pl.simulators.apart import SimulatorApart
from internvideo_pl.simulators.simulator import (
    AGENT_HEIGHT,
    AGENT_RADIUS,
    FORWARD_STEP,
    TURN,
    Action,
    Camera,
    Pose,
    Position,
    Simulator,
    heading_of,
    rotation_of,
)

MOVES = {Action.FORWARD: "move_forward", Action.LEFT: "turn_left", Action.RIGHT: "turn_right"}
STRAIGHT = 0.05  # metres by which a straight walk may be longer than the air line, for the mesh is made of triangles


def import_habitat() -> Any:
    """The package habitat_sim.

    Raises:
        UserError: It is not installed.
    """
    try:
        import habitat_sim
    except ImportError as error:
        raise UserError(
            "Matterport scenes need habitat-sim, which is not installed here: install it with "
            "`conda install habitat-sim headless -c conda-forge -c aihabitat`, or try MINI=1 for generated houses"
        ) from error
    return habitat_sim


def habitat_apart(scene: Path, camera: Camera, sliding: bool, gpu: int = 0) -> Simulator:
    """A `HabitatSimulator` in a process of its own.

    Raises:
        UserError: As `HabitatSimulator`.
        RunFailed: The process died.
    """
    return SimulatorApart(partial(HabitatSimulator, scene, camera, sliding, gpu), str(scene), camera, sliding)


class HabitatSimulator(Simulator):
    """One scanned building.

    Args:
        scene: Its `.glb` file; the `.navmesh` beside it is used where there is one.
        camera: How the agent looks around.
        sliding: Whether it slides along what it meets.
        gpu: Number of the GPU that renders.

    Raises:
        UserError: habitat-sim is not installed, or the scene's file is not there.
    """

    def __init__(self, scene: Path, camera: Camera | None = None, sliding: bool = True, gpu: int = 0):
        super().__init__(camera or Camera(), sliding)
        self.habitat = import_habitat()
        self.scene = scene
        if not scene.is_file():
            raise UserError(
                f"the scene {scene} is not there: Matterport3D's terms are at niessner.github.io/Matterport"
            )
        self.simulator = self.habitat.Simulator(self._configuration(scene, gpu))
        if not self.simulator.pathfinder.is_loaded:
            settings = self.habitat.NavMeshSettings()
            settings.set_defaults()
            settings.agent_radius, settings.agent_height = AGENT_RADIUS, AGENT_HEIGHT
            self.simulator.recompute_navmesh(self.simulator.pathfinder, settings)
        self.agent = self.simulator.get_agent(0)

    def _configuration(self, scene: Path, gpu: int) -> Any:
        habitat = self.habitat
        backend = habitat.SimulatorConfiguration()
        backend.scene_id = str(scene)
        backend.gpu_device_id = gpu
        backend.allow_sliding = self.sliding
        backend.enable_physics = False
        agent = habitat.agent.AgentConfiguration()
        agent.height, agent.radius = AGENT_HEIGHT, AGENT_RADIUS
        agent.sensor_specifications = [
            self._sensor("rgb", habitat.SensorType.COLOR, self.camera.size),
            self._sensor("depth", habitat.SensorType.DEPTH, self.camera.depth_size),
        ]
        amounts = {
            Action.FORWARD: FORWARD_STEP,
            Action.LEFT: float(np.degrees(TURN)),
            Action.RIGHT: float(np.degrees(TURN)),
        }
        agent.action_space = {
            MOVES[action]: habitat.agent.ActionSpec(MOVES[action], habitat.agent.ActuationSpec(amount=amount))
            for action, amount in amounts.items()
        }
        return habitat.Configuration(backend, [agent])

    def _sensor(self, name: str, kind: Any, size: int) -> Any:
        old = not hasattr(self.habitat, "CameraSensorSpec")  # 0.1.7 has one class for all sensors
        sensor = self.habitat.SensorSpec() if old else self.habitat.CameraSensorSpec()
        sensor.uuid, sensor.sensor_type = name, kind
        sensor.resolution = [size, size]
        sensor.position = [0.0, self.camera.height, 0.0]
        if old:
            sensor.parameters["hfov"] = str(self.camera.hfov)
        else:
            sensor.hfov = self.camera.hfov
        return sensor

    def check(self, position: Position) -> None:
        """Refuse a position beside the navigation mesh.

        Raises:
            UserError: This is one.
        """
        if not self.simulator.pathfinder.is_navigable(np.asarray(position, dtype=np.float32)):
            place = [round(float(value), 3) for value in position]
            raise UserError(
                f"{place} is not on the navigation mesh of {self.scene}: get the scene and its .navmesh anew"
            )

    def _place(self, position: Position, heading: float) -> None:
        state = self.habitat.AgentState()
        state.position = np.asarray(position, dtype=np.float32)
        state.rotation = list(rotation_of(heading))  # x, y, z, w
        self.agent.set_state(state, reset_sensors=True)

    def step(self, pose: Pose, action: Action) -> tuple[Pose, bool]:
        """Where an action leads, and whether something was in the way."""
        if action is Action.STOP:
            return pose, False
        self._place(pose.position, pose.heading)
        met = bool(self.agent.act(MOVES[action]))
        state = self.agent.get_state()
        turn = state.rotation
        return Pose(np.array(state.position, dtype=np.float64), heading_of((turn.x, turn.y, turn.z, turn.w))), met

    def rgb(self, position: Position) -> NDArray[np.uint8]:
        """Colour views (V, S, S, 3)."""
        return np.stack([view["rgb"][..., :3] for view in self._look(position)])

    def depth(self, position: Position) -> NDArray[np.float32]:
        """Depth views (V, D, D); what the scan does not cover, which Habitat gives as 0, is far away."""
        views = np.stack([view["depth"] for view in self._look(position)])
        return np.where(views > 0, np.minimum(views, self.camera.far), self.camera.far).astype(np.float32)

    def _look(self, position: Position) -> list[Any]:
        """What both cameras see in each direction."""
        seen = []
        for view in range(self.camera.views):
            self._place(position, view * 2 * np.pi / self.camera.views)
            seen.append(self.simulator.get_sensor_observations())
        return seen

    def distances(self, positions: NDArray[np.float64], goal: Position) -> NDArray[np.float64]:
        """Geodesic distances (N,) on the navigation mesh."""
        return np.array([self._geodesic(position, goal) for position in positions])

    def _geodesic(self, start: Position, end: Position) -> float:
        path = self.habitat.ShortestPath()
        path.requested_start = np.asarray(start, dtype=np.float32)
        path.requested_end = np.asarray(end, dtype=np.float32)
        return float(path.geodesic_distance) if self.simulator.pathfinder.find_path(path) else float("inf")

    def is_straight(self, start: Position, end: Position) -> bool:
        """Whether the geodesic distance is the air line's."""
        if not self.simulator.pathfinder.is_navigable(np.asarray(end, dtype=np.float32)):
            return False
        return self._geodesic(start, end) <= float(np.linalg.norm(end - start)) + STRAIGHT

"""What navigation asks of a simulator; Habitat and our own rooms are two that answer.

The frame is Habitat's: x to the right, y up, z to the back, metres. A heading of 0 looks along -z, and grows to the
left. The agent and its actions are those of VLN-CE (habitat_extensions/config/vlnce_task.yaml).

Shape legend: V views of a panorama, S and D their side in colour and in depth, R directions, N positions.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

FORWARD_STEP = 0.25  # metres
TURN = math.radians(15)
AGENT_RADIUS, AGENT_HEIGHT = 0.1, 1.5  # metres
MAX_ACTIONS = 500  # of an episode
DIRECTIONS = 120  # R, every 3 degrees, as the release's waypoint predictor divides the circle
LOWEST_OBSTACLE = 0.2  # metres above the floor: what is lower (Habitat's agent climbs 0.2 m) is walked over

Position = NDArray[np.float64]  # (3,)


class Action(IntEnum):
    """The four actions, by their numbers in the official ground truth."""

    STOP = 0
    FORWARD = 1
    LEFT = 2
    RIGHT = 3


@dataclass(frozen=True)
class Camera:
    """How a panorama is taken: V views at equal angles, the first along -z, each to the left of the one before.

    Attributes:
        views: V.
        size: S, pixels of a colour view's side.
        hfov: Field of view of both, in degrees, across and down.
        depth_size: D, pixels of a depth view's side.
        height: Of the camera above the floor, in metres.
        far: Largest depth in metres.
    """

    views: int = 12
    size: int = 224
    hfov: float = 90.0
    depth_size: int = 256
    height: float = 1.25
    far: float = 10.0


@dataclass(frozen=True)
class Pose:
    """Where the agent stands (on the floor) and where it looks, in radians."""

    position: Position
    heading: float


@dataclass(frozen=True)
class Shape:
    """A polygon on the floor.

    Attributes:
        corners: float64 (C, 2), (x, z).
        colour: Red, green and blue, 0 to 255.
        name: What it is; "" for walls.
    """

    corners: NDArray[np.float64]
    colour: tuple[int, int, int]
    name: str = ""


class Simulator(ABC):
    """One scene, in which any number of agents can be, unseen by each other.

    Attributes:
        camera: How agents look around.
        sliding: Whether agents slide along what they meet, as in VLN-CE, instead of staying where they are.
    """

    def __init__(self, camera: Camera, sliding: bool = True):
        self.camera = camera
        self.sliding = sliding

    @abstractmethod
    def check(self, position: Position) -> None:
        """Refuse a position at which an agent cannot stand.

        Raises:
            UserError: This is one.
        """

    @abstractmethod
    def step(self, pose: Pose, action: Action) -> tuple[Pose, bool]:
        """Where an action leads from a pose, and whether something was in the way. STOP leads nowhere."""

    @abstractmethod
    def rgb(self, position: Position) -> NDArray[np.uint8]:
        """Colour views (V, S, S, 3) from above a position."""

    @abstractmethod
    def depth(self, position: Position) -> NDArray[np.float32]:
        """Depth views (V, D, D) from above a position: metres along the view's axis, at most `camera.far`."""

    @abstractmethod
    def distances(self, positions: NDArray[np.float64], goal: Position) -> NDArray[np.float64]:
        """Length (N,) of the shortest walk from each position (N, 3) to the goal; infinite where there is none."""

    @abstractmethod
    def is_straight(self, start: Position, end: Position) -> bool:
        """Whether one can walk from one position to the other in a straight line."""

    def plan(self) -> list[Shape]:
        """The scene from above, for pictures, what lies lowest first; empty where that is not known."""
        return []

    def ranges(self, position: Position) -> NDArray[np.float64]:
        """Distance (R,) along the floor to the first obstacle in each direction, at most `camera.far`.

        Direction k is at heading 2 pi k / R. What is below `LOWEST_OBSTACLE` or above the agent is no obstacle.
        """
        return obstacle_ranges(self.depth(position), self.camera)


def obstacle_ranges(depth: NDArray[np.float32], camera: Camera) -> NDArray[np.float64]:
    """`Simulator.ranges` from depth views (V, D, D)."""
    views, side, _ = depth.shape
    offset = (np.arange(side) + 0.5) / (side / 2) - 1
    offset = offset * math.tan(math.radians(camera.hfov) / 2)  # of a pixel, for a depth of 1
    across, down = np.broadcast_arrays(offset[None, :], offset[:, None])  # (D, D)
    heading = (np.arange(views) * 2 * math.pi / views)[:, None, None] - np.arctan(across)  # right of the axis is less
    height = camera.height - depth * down
    hit = (height > LOWEST_OBSTACLE) & (height < AGENT_HEIGHT) & (depth < camera.far)
    direction = np.rint(heading * DIRECTIONS / (2 * math.pi)).astype(int) % DIRECTIONS
    found = np.full(DIRECTIONS, camera.far)
    np.minimum.at(found, direction[hit], (depth * np.sqrt(1 + across**2))[hit])
    return found


def heading_of(rotation: tuple[float, float, float, float]) -> float:
    """The heading of a quaternion (x, y, z, w) about the vertical axis, as episodes have it."""
    return 2 * math.atan2(rotation[1], rotation[3])


def rotation_of(heading: float) -> tuple[float, float, float, float]:
    """The quaternion (x, y, z, w) of a heading."""
    return (0.0, math.sin(heading / 2), 0.0, math.cos(heading / 2))


def ahead(heading: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors (..., 3) along headings (...)."""
    heading = np.asarray(heading, dtype=np.float64)
    return np.stack([-np.sin(heading), np.zeros_like(heading), -np.cos(heading)], axis=-1)


def turned(heading: float, action: Action) -> float:
    """The heading after an action."""
    return heading + {Action.LEFT: TURN, Action.RIGHT: -TURN}.get(action, 0.0)


def count_turns(heading: float, wanted: float) -> int:
    """How many turns to the left (to the right, if negative) come nearest to a wanted heading."""
    return round(((wanted - heading + math.pi) % (2 * math.pi) - math.pi) / TURN)


def turns_to(heading: float, wanted: float) -> list[Action]:
    """The fewest turns that bring one heading as close to another as turns of 15 degrees can."""
    count = count_turns(heading, wanted)
    return [Action.LEFT if count > 0 else Action.RIGHT] * abs(count)

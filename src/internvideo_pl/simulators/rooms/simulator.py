"""The rooms as a simulator: panoramas, moves that slide along what they meet, exact shortest walks."""

import math

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.errors import UserError
from internvideo_pl.simulators.rooms.geometry import Edges, wall_pieces
from internvideo_pl.simulators.rooms.render import Renderer
from internvideo_pl.simulators.rooms.scene import COLOURS, ROOMS, Scene
from internvideo_pl.simulators.rooms.ways import Ways
from internvideo_pl.simulators.simulator import (
    AGENT_RADIUS,
    DIRECTIONS,
    FORWARD_STEP,
    Action,
    Camera,
    Pose,
    Position,
    Shape,
    Simulator,
    ahead,
    turned,
)

BEND = 0.08  # metres from a corner of what is solid to where walks bend around it: room for turns of 15 degrees
BACK = 1e-4  # metres that a move stops before what it meets
WALL_COLOUR = (70, 70, 75)
SLIDES = 2  # sides along which one move can slide: a corner has two


class RoomsSimulator(Simulator):
    """One generated house.

    Args:
        scene: The house.
        camera: How the agent looks around.
        sliding: Whether it slides along what it meets.
    """

    def __init__(self, scene: Scene, camera: Camera | None = None, sliding: bool = True):
        super().__init__(camera or Camera(), sliding)
        self.scene = scene
        pieces, things = wall_pieces(scene), scene.landmarks
        self.solid = [piece.corners(AGENT_RADIUS) for piece in pieces]
        self.solid += [thing.footprint(AGENT_RADIUS) for thing in things]
        bends = [piece.corners(AGENT_RADIUS + BEND) for piece in pieces]
        bends += [thing.footprint(AGENT_RADIUS + BEND) for thing in things]
        self.edges = Edges.of(self.solid)
        self.ways = Ways(self.edges, np.concatenate(bends))
        self.renderer = Renderer(scene, self.camera)

    def check(self, position: Position) -> None:
        """Refuse a position in a wall, a landmark or outside.

        Raises:
            UserError: This is one.
        """
        if not self.is_free(position):
            raise UserError(
                f"an agent cannot stand at {[round(float(x), 3) for x in position]}: that is in a wall, "
                "a landmark or outside the house; make the miniature anew"
            )

    def is_free(self, position: Position) -> bool:
        """Whether an agent can stand somewhere."""
        x, _, z = position
        return self.scene.room_at(x, z) is not None and not self.edges.hold(np.array([[x, z]]))[0]

    def step(self, pose: Pose, action: Action) -> tuple[Pose, bool]:
        """Where an action leads, and whether something was in the way."""
        position, heading, met = pose.position, turned(pose.heading, action), False
        if action is Action.FORWARD:
            position, met = self._moved(position, FORWARD_STEP * ahead(heading))
        return Pose(position, heading), met

    def _moved(self, position: Position, step: Position) -> tuple[Position, bool]:
        """The end of a step, and whether it met something."""
        here, rest, met = position[[0, 2]], step[[0, 2]], False
        for _ in range(SLIDES + 1):
            share, side = self.edges.first_hit(here, rest)
            if share == math.inf:
                here = here + rest
                break
            met = True
            size = float(np.linalg.norm(rest))
            here = here + rest * max(share - BACK / size, 0.0)
            if not self.sliding:
                break
            along = self.edges.end[side] - self.edges.start[side]
            along = along / np.linalg.norm(along)
            rest = along * float(along @ rest) * (1 - share)
            if np.linalg.norm(rest) < BACK:
                break
        return np.array([here[0], position[1], here[1]]), met

    def rgb(self, position: Position) -> NDArray[np.uint8]:
        """Colour views (V, S, S, 3)."""
        return self.renderer.rgb(position)

    def depth(self, position: Position) -> NDArray[np.float32]:
        """Depth views (V, D, D)."""
        return self.renderer.depth(position)

    def ranges(self, position: Position) -> NDArray[np.float64]:
        """Distances (R,) to the first obstacle, from the plan of the house: every wall and landmark is one."""
        return self.renderer.first(position, np.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS)

    def distances(self, positions: NDArray[np.float64], goal: Position) -> NDArray[np.float64]:
        """Length (N,) of the shortest walk from each position (N, 3) to the goal."""
        return self.ways.distances(positions[:, [0, 2]], (float(goal[0]), float(goal[2])))

    def is_straight(self, start: Position, end: Position) -> bool:
        """Whether one can walk straight from one position to the other."""
        return self.is_free(end) and not self.ways.is_blocked(start[[0, 2]], end[[0, 2]])

    def plan(self) -> list[Shape]:
        """Floors, walls and landmarks in their colours."""
        scene = self.scene
        floors = [
            Shape(np.array([(r.x0, r.z0), (r.x1, r.z0), (r.x1, r.z1), (r.x0, r.z1)]), ROOMS[r.name][0], r.name)
            for r in scene.rooms
        ]
        walls = [Shape(piece.corners(), WALL_COLOUR) for piece in wall_pieces(scene)]
        things = [Shape(thing.footprint(), COLOURS[thing.colour], thing.words) for thing in scene.landmarks]
        return floors + walls + things

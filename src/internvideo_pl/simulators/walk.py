"""An agent's walk through a scene, action by action, with everything that is judged of it."""

import math

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.simulator import (
    FORWARD_STEP,
    MAX_ACTIONS,
    TURN,
    Action,
    Pose,
    Position,
    Simulator,
    ahead,
    count_turns,
    turns_to,
)

ARRIVED = 0.2  # metres to a bend of a route at which the next one is made for: less than a step
AIM_AGAIN = 2  # forward steps after which the heading is corrected, since turns are of 15 degrees
MOVED = 0.02  # metres that a forward step must gain, or the way is blocked


class Walk:
    """Acts in a simulator, and remembers.

    Args:
        simulator: The scene.
        start: Where the agent stands at first.
        limit: Actions after which nothing more is done.

    Raises:
        UserError: An agent cannot stand there.
    """

    def __init__(self, simulator: Simulator, start: Pose, limit: int = MAX_ACTIONS):
        simulator.check(start.position)
        self.simulator = simulator
        self.limit = limit
        self.poses: list[Pose] = [start]
        self.actions: list[Action] = []
        self.collisions = 0
        self.ends: list[int] = []  # how many actions were done when each decision of several ended

    @property
    def pose(self) -> Pose:
        """Where the agent is."""
        return self.poses[-1]

    @property
    def positions(self) -> NDArray[np.float64]:
        """Where it was at the start and after each action, (N, 3)."""
        return np.stack([pose.position for pose in self.poses])

    @property
    def stopped(self) -> bool:
        """Whether it has said stop."""
        return bool(self.actions) and self.actions[-1] is Action.STOP

    @property
    def over(self) -> bool:
        """Whether it has said stop, or may do no more."""
        return self.stopped or len(self.actions) >= self.limit

    def end_decision(self) -> None:
        """What was done since the last such call was decided at once, as an agent does that chooses where to go."""
        self.ends.append(len(self.actions))

    def act(self, action: Action) -> bool:
        """One action; whether it brought the agent forward, or was none that could. Nothing is done after the end."""
        if self.over:
            return False
        before = self.pose.position
        pose, met = self.simulator.step(self.pose, action)
        self.collisions += met
        self.actions.append(action)
        self.poses.append(pose)
        return action is not Action.FORWARD or float(np.linalg.norm(self.pose.position - before)) > MOVED

    def turn(self, heading: float) -> None:
        """Look as nearly along a heading as turns of 15 degrees can."""
        for action in turns_to(self.pose.heading, heading):
            self.act(action)

    def forward(self, distance: float) -> None:
        """As many steps as come nearest to a distance, fewer where the way is blocked."""
        for _ in range(round(distance / FORWARD_STEP)):
            if not self.act(Action.FORWARD):
                break

    def along(self, route: list[Position]) -> None:
        """Walk to each point of a route in turn."""
        for point in route:
            while not self.over:
                x, _, z = point - self.pose.position
                left = math.hypot(x, z)
                if left < ARRIVED:
                    break
                reach = max(min(left, AIM_AGAIN * FORWARD_STEP), FORWARD_STEP)
                self.turn(self._open_heading(point, math.atan2(-x, -z), reach))
                before = self.pose.position
                self.forward(reach)
                if float(np.linalg.norm(self.pose.position - before)) < MOVED:
                    break

    def _open_heading(self, point: Position, wanted: float, reach: float) -> float:
        """The heading towards a point as turns can bring it; where that is blocked, the open one that leads nearest."""
        here = self.pose
        nearest = here.heading + count_turns(here.heading, wanted) * TURN
        if self.simulator.is_straight(here.position, here.position + reach * ahead(nearest)):
            return nearest
        headings = np.array([here.heading + turn * TURN for turn in range(round(math.tau / TURN))])
        ends = here.position[None] + reach * ahead(headings)
        left = self.simulator.distances(ends, point)
        left[[not self.simulator.is_straight(here.position, end) for end in ends]] = np.inf
        return float(headings[left.argmin()]) if np.isfinite(left.min()) else nearest

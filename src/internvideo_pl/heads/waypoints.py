"""Where an agent could go next, from what is around it: one waypoint for each view of its panorama.

InternVideo's release predicts waypoints with a network over RGB-D features; here they follow from the free space that
depth shows. Both give a heading and a distance among which a policy chooses.

Shape legend: R directions of ranges, V views, K headings that turns can bring.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.simulator import FORWARD_STEP, TURN

MARGIN = 0.2  # metres to either side of the way that must be free: the agent's 0.1, and as much for coarse directions
NEAREST = 0.5  # metres: what is nearer is no waypoint


@dataclass(frozen=True)
class Waypoints:
    """One place to go to for each view.

    Attributes:
        headings: float64 (V,), one of those that turns of 15 degrees can bring.
        distances: float64 (V,), whole forward steps; 0 where the way is blocked.
    """

    headings: NDArray[np.float64]
    distances: NDArray[np.float64]

    @property
    def open(self) -> NDArray[np.bool_]:
        """Which of them can be walked to, (V,)."""
        return self.distances > 0


def waypoints(ranges: NDArray[np.float64], heading: float, views: int, hop: float) -> Waypoints:
    """The waypoints around an agent: in each view, the heading with the longest free way.

    Args:
        ranges: (R,), distance to the first obstacle in each direction, as `Simulator.ranges` gives it.
        heading: Of the agent.
        views: V; the headings of a view are those nearer to its axis than to another's.
        hop: Most metres to a waypoint.
    """
    turns = range(round(math.tau / TURN))
    headings = np.array([heading + turn * TURN for turn in turns])  # (K,)
    free = free_ways(ranges, headings)
    view = np.rint(headings * views / math.tau).astype(int) % views
    steps = np.floor(np.minimum(free, hop) / FORWARD_STEP + 1e-9) * FORWARD_STEP
    chosen, distances = np.arange(views) * math.tau / views, np.zeros(views)
    for place in np.argsort(free, kind="stable"):  # the longest way of a view comes last, and stays
        chosen[view[place]] = headings[place]
        distances[view[place]] = steps[place] if steps[place] >= NEAREST else 0.0
    return Waypoints(chosen, distances)


def free_ways(ranges: NDArray[np.float64], headings: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far (K,) an agent can walk along each heading (K,) before it comes within `MARGIN` of something seen."""
    direction = np.arange(len(ranges)) * math.tau / len(ranges)
    angle = direction[None] - headings[:, None]  # (K, R)
    forward, aside = ranges * np.cos(angle), ranges * np.abs(np.sin(angle))
    in_the_way = (aside < MARGIN) & (forward > 0)
    reach = np.where(in_the_way, forward - np.sqrt(np.maximum(MARGIN**2 - aside**2, 0.0)), np.inf)
    return np.maximum(np.minimum(reach.min(axis=1), ranges.max()), 0.0)

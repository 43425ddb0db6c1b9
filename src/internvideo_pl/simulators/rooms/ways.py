"""Shortest walks through a house: a graph of the corners that a walk can bend around.

A shortest way among polygons bends at their corners only. Here it bends a few centimetres outside of them, as an agent
must that turns by 15 degrees at a time; but for that, lengths are exact.

Shape legend: N positions, C corners, M ways that are tried.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.rooms.geometry import Edges, Points

AT_ONCE = 8  # bends that are tried together, the most promising first


class Ways:
    """Distances and routes between points of a house.

    Args:
        edges: Sides of the polygons in which the middle of the agent cannot be.
        corners: Points (C', 2) just outside their corners.
    """

    def __init__(self, edges: Edges, corners: Points):
        self.edges = edges
        self.corners = corners[~edges.hold(corners)]
        count = len(self.corners)
        i, j = np.triu_indices(count, 1)
        apart = np.full((count, count), np.inf)
        apart[i, j] = np.where(
            self.edges.blocked(self.corners[i], self.corners[j]),
            np.inf,
            np.linalg.norm(self.corners[i] - self.corners[j], axis=1),
        )
        apart = np.minimum(apart, apart.T)
        np.fill_diagonal(apart, 0.0)
        for middle in range(count):  # Floyd and Warshall
            apart = np.minimum(apart, apart[:, middle, None] + apart[None, middle])
        self.apart = apart
        self._to_goal = lru_cache(maxsize=4096)(self._from_corners)

    def distances(self, points: Points, goal: tuple[float, float]) -> NDArray[np.float64]:
        """Length (N,) of the shortest walk from each point (N, 2); infinite where there is none."""
        target = np.broadcast_to(np.array(goal), points.shape)
        straight = np.linalg.norm(points - target, axis=1)
        found = np.where(self.edges.blocked(points, target), np.inf, straight)
        rest = self._to_goal(goal)
        total = np.linalg.norm(points[:, None] - self.corners[None], axis=2) + rest[None]  # (N, C)
        # `total` is what each way would cost if the corner were in sight: the first that is has the least cost
        order = total.argsort(axis=1)
        open_ = np.flatnonzero(~np.isfinite(found))
        for first in range(0, len(self.corners), AT_ONCE):
            if not len(open_):
                break
            tried = order[open_, first : first + AT_ONCE]  # (open, M)
            starts = np.repeat(points[open_], tried.shape[1], axis=0)
            hidden = self.edges.blocked(starts, self.corners[tried.ravel()]).reshape(tried.shape)
            costs = np.where(hidden, np.inf, np.take_along_axis(total[open_], tried, axis=1))
            found[open_] = costs.min(axis=1)
            open_ = open_[~np.isfinite(found[open_])]
        return found

    def route(self, start: tuple[float, float], goal: tuple[float, float]) -> list[tuple[float, float]]:
        """The points at which the shortest walk bends, start and goal included; empty where there is none."""
        here, way = np.array(start), [start]
        while self.is_blocked(here, np.array(goal)):
            if len(way) > len(self.corners) + 1:
                return []
            total = np.linalg.norm(self.corners - here, axis=1) + self._to_goal(goal)
            starts = np.broadcast_to(here, self.corners.shape)
            total[self.edges.blocked(starts, self.corners)] = np.inf
            total[np.linalg.norm(self.corners - here, axis=1) < 1e-9] = np.inf
            if not np.isfinite(total.min()):
                return []
            here = self.corners[total.argmin()]
            way.append((float(here[0]), float(here[1])))
        return [*way, goal]

    def is_blocked(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> bool:
        """Whether something stands between two points."""
        return bool(self.edges.blocked(start[None], end[None])[0])

    def _from_corners(self, goal: tuple[float, float]) -> NDArray[np.float64]:
        """Distance (C,) from each corner to a goal."""
        target = np.broadcast_to(np.array(goal), self.corners.shape)
        hidden = self.edges.blocked(self.corners, target)
        last = np.where(hidden, np.inf, np.linalg.norm(self.corners - target, axis=1))
        return (self.apart + last[None]).min(axis=1)

"""What of a house stands in the way: wall pieces and landmarks as convex polygons, and lines that cross them.

Coordinates are (x, z) in metres.

Shape legend: E edges, N and M points, P lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.rooms.scene import WALL, Scene

Points = NDArray[np.float64]  # (N, 2)
TINY = 1e-9


@dataclass(frozen=True)
class Piece:
    """A straight piece of wall, as a rectangle.

    Attributes:
        x0: Its smallest x; x1, z0 and z1 likewise.
        along: The axis that it runs along.
        sides: Numbers of the rooms on its low and its high side, None for the outside.
    """

    x0: float
    z0: float
    x1: float
    z1: float
    along: str
    sides: tuple[int | None, int | None]

    def corners(self, grown: float = 0.0) -> Points:
        """Corners (4, 2) counter-clockwise seen from above, each side moved outwards by `grown`."""
        x0, z0, x1, z1 = self.x0 - grown, self.z0 - grown, self.x1 + grown, self.z1 + grown
        return np.array([[x0, z1], [x1, z1], [x1, z0], [x0, z0]])


def wall_pieces(scene: Scene) -> list[Piece]:
    """All walls, each cut at its doors; a wall between two rooms is one."""
    pieces: dict[tuple[float, ...], Piece] = {}
    for number, room in enumerate(scene.rooms):
        for along, fixed, high, (start, end) in (
            ("x", room.z0, False, (room.x0, room.x1)),
            ("x", room.z1, True, (room.x0, room.x1)),
            ("z", room.x0, False, (room.z0, room.z1)),
            ("z", room.x1, True, (room.z0, room.z1)),
        ):
            middle = (start + end) / 2
            beyond = fixed + (WALL if high else -WALL)
            other = scene.room_at(*((middle, beyond) if along == "x" else (beyond, middle)))
            sides = (number, other) if high else (other, number)
            for first, last in _between_doors(scene, along, fixed, start, end):
                half = WALL / 2
                box = (
                    (first - half, fixed - half, last + half, fixed + half)
                    if along == "x"
                    else (fixed - half, first - half, fixed + half, last + half)
                )
                pieces[tuple(round(edge, 6) for edge in box)] = Piece(*box, along, sides)
    return list(pieces.values())


def _between_doors(scene: Scene, along: str, fixed: float, start: float, end: float) -> Iterator[tuple[float, float]]:
    """What is left of a wall from `start` to `end`; a door's jambs end half a wall short of its opening."""
    openings = sorted(
        (middle - door.width / 2 - WALL / 2, middle + door.width / 2 + WALL / 2)
        for door in scene.doors
        for middle, at in [(door.x, door.z) if along == "x" else (door.z, door.x)]
        if door.along == along and abs(at - fixed) < TINY and start < middle < end
    )
    for left, right in openings:
        yield start, left
        start = right
    yield start, end


@dataclass(frozen=True)
class Edges:
    """Sides of polygons; inside is to the left of each, seen from above.

    Attributes:
        start: float64 (E, 2).
        end: float64 (E, 2).
        first: int64, the number of each polygon's first side.
    """

    start: Points
    end: Points
    first: NDArray[np.int64]

    @classmethod
    def of(cls, polygons: list[Points]) -> "Edges":
        """All sides of polygons whose corners run counter-clockwise."""
        ends = np.concatenate([np.roll(corners, -1, axis=0) for corners in polygons])
        return cls(np.concatenate(polygons), ends, np.cumsum([0, *(len(corners) for corners in polygons[:-1])]))

    def hold(self, points: Points) -> NDArray[np.bool_]:
        """Whether each point (N, 2) is strictly inside one of the polygons."""
        left = _cross((self.end - self.start)[None], points[:, None] - self.start[None]) < -TINY  # (N, E)
        return np.logical_and.reduceat(left, self.first, axis=1).sum(axis=1) > 0

    def first_hit(self, start: Points, step: Points) -> tuple[float, int]:
        """How far along a step (as a share of it) the first side is entered, and which; (inf, -1) for none."""
        side = self.end - self.start
        across = _cross(step, side)
        entering = across > TINY  # from outside to inside
        gap = self.start - start
        with np.errstate(divide="ignore", invalid="ignore"):
            share = _cross(gap, side) / across
            place = _cross(gap, step) / across
        share = np.where(entering & (share >= -TINY) & (place >= 0) & (place <= 1), share, np.inf)
        first = int(share.argmin())
        return (float(share[first]), first) if share[first] <= 1 else (np.inf, -1)

    def blocked(self, start: Points, end: Points) -> NDArray[np.bool_]:
        """Whether each of P lines from `start` (P, 2) to `end` (P, 2) crosses a side."""
        way, side = end - start, self.end - self.start
        before = _cross(way[:, None], self.start[None] - start[:, None])  # (P, E): which side of the line
        after = _cross(way[:, None], self.end[None] - start[:, None])
        here = _cross(side[None], start[:, None] - self.start[None])
        there = _cross(side[None], end[:, None] - self.start[None])
        crossed: NDArray[np.bool_] = (before * after < 0) & (here * there < 0)  # (P, E)
        return crossed.sum(axis=1) > 0


def _cross(a: Points, b: Points) -> NDArray[np.float64]:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

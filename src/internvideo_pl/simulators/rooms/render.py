"""Panoramas of a house by casting one ray for each column of pixels; whatever is upright fills its column at once.

Shape legend: K surfaces, V views, S pixels of a side, C columns (V x S), H surfaces hit that are kept.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.rooms.geometry import Piece, wall_pieces
from internvideo_pl.simulators.rooms.scene import COLOURS, ROOM_HEIGHT, ROOMS, Scene
from internvideo_pl.simulators.simulator import Camera, Position

HITS = 3  # surfaces of a column that can be seen over each other: walls reach the ceiling, landmarks may not
OUTSIDE, CEILING, JAMB = (120, 120, 120), (225, 225, 230), (245, 240, 230)
FADE = 0.035  # light that is lost a metre
STRIPE, TILE = 0.5, 0.5  # metres


@dataclass(frozen=True)
class Surfaces:
    """Upright rectangles on the floor.

    Attributes:
        start: float64 (K, 2), (x, z) of one end.
        end: float64 (K, 2), of the other.
        height: float64 (K,).
        colour: float64 (K, 3).
        striped: bool (K,), whether it has stripes.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    height: NDArray[np.float64]
    colour: NDArray[np.float64]
    striped: NDArray[np.bool_]


def surfaces_of(scene: Scene) -> Surfaces:
    """The walls in the colours of their rooms, and the landmarks in theirs."""
    sides: list[tuple[NDArray[np.float64], NDArray[np.float64], float, tuple[int, int, int], bool]] = []
    for piece in wall_pieces(scene):
        corners = piece.corners()
        for i, colour in enumerate(_piece_colours(scene, piece)):
            sides.append((corners[i], corners[(i + 1) % 4], ROOM_HEIGHT, colour, False))
    for landmark in scene.landmarks:
        corners = landmark.footprint()
        for i in range(len(corners)):
            sides.append(
                (
                    corners[i],
                    corners[(i + 1) % len(corners)],
                    landmark.height,
                    COLOURS[landmark.colour],
                    landmark.kind == "cabinet",
                )
            )
    start, end, height, colour, striped = zip(*sides, strict=True)
    return Surfaces(np.array(start), np.array(end), np.array(height), np.array(colour, dtype=float), np.array(striped))


def _piece_colours(scene: Scene, piece: Piece) -> list[tuple[int, int, int]]:
    """Of the four sides, in the order of `Piece.corners`: south, east, north, west (z grows to the south)."""
    low, high = (OUTSIDE if side is None else ROOMS[scene.rooms[side].name][0] for side in piece.sides)
    return [high, JAMB, low, JAMB] if piece.along == "x" else [JAMB, high, JAMB, low]


class Renderer:
    """Looks around in one house.

    Args:
        scene: The house.
        camera: How it looks.
    """

    def __init__(self, scene: Scene, camera: Camera):
        self.camera = camera
        self.surfaces = surfaces_of(scene)
        self.floors = np.array([(room.x0, room.z0, room.x1, room.z1) for room in scene.rooms])
        self.floor_colours = np.array([ROOMS[room.name][1] for room in scene.rooms] + [OUTSIDE], dtype=float)

    def rgb(self, position: Position) -> NDArray[np.uint8]:
        """(V, S, S, 3)."""
        camera, size = self.camera, self.camera.size
        slope = _slopes(size, camera.hfov)
        rays = self._rays(slope)  # (C, 2)
        reach, hit, place = self._hits(position, rays)  # (C, H) each
        tops = camera.height - reach[:, :, None] * slope  # (C, H, S): height above the floor at each row
        seen: NDArray[np.bool_] = (tops >= 0) & (tops <= self.surfaces.height[hit][:, :, None])
        first = seen.argmax(axis=1)  # (C, S)
        upright = seen.sum(axis=1) > 0
        column = np.arange(len(rays))[:, None]
        surface, along, depth = hit[column, first], place[column, first], reach[column, first]
        above = np.take_along_axis(tops, first[:, None], axis=1)[:, 0]
        colour = self.surfaces.colour[surface]  # (C, S, 3)
        dark = self.surfaces.striped[surface] & (np.floor(above / STRIPE) % 2 == 1)
        level = np.where(slope > 0, camera.height, camera.height - ROOM_HEIGHT) / np.where(slope == 0, 1.0, slope)
        ground = position[[0, 2]] + rays[:, None] * level[None, :, None]  # (C, S, 2) where floor or ceiling is met
        flat = np.where(slope[None, :, None] > 0, self._floor(ground), np.array(CEILING, dtype=float))
        depth = np.where(upright, depth, level[None])
        side = 0.85 + 0.15 * np.cos(4 * along / STRIPE)
        light = np.where(upright, np.where(dark, 0.45, side), 1.0) / (1 + FADE * depth)
        colour = np.where(upright[..., None], colour, flat) * light[..., None]
        views = colour.reshape(camera.views, size, size, 3).swapaxes(1, 2)  # columns to (V, row, column, 3)
        return views.clip(0, 255).astype(np.uint8)

    def depth(self, position: Position) -> NDArray[np.float32]:
        """(V, D, D), metres along the view's axis."""
        camera, size = self.camera, self.camera.depth_size
        slope = _slopes(size, camera.hfov)
        reach, hit, _ = self._hits(position, self._rays(slope))
        tops = camera.height - reach[:, :, None] * slope
        seen: NDArray[np.bool_] = (tops >= 0) & (tops <= self.surfaces.height[hit][:, :, None])
        level = np.where(slope > 0, camera.height, camera.height - ROOM_HEIGHT) / np.where(slope == 0, 1.0, slope)
        upright = np.where(seen, reach[:, :, None], np.inf).min(axis=1)  # (C, S)
        found = np.minimum(np.where(seen.any(axis=1), upright, level[None]), camera.far)
        return found.reshape(camera.views, size, size).swapaxes(1, 2).astype(np.float32)

    def first(self, position: Position, headings: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance (N,) to the first surface along each heading (N,), at most `camera.far`."""
        rays = np.stack([-np.sin(headings), -np.cos(headings)], axis=1)
        return np.minimum(self._reach(position, rays)[0].min(axis=1), self.camera.far)

    def _rays(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Directions (C, 2) of the columns, of length 1 along their view's axis."""
        heading = np.arange(self.camera.views)[:, None] * 2 * math.pi / self.camera.views
        x = -np.sin(heading) + slope[None] * np.cos(heading)
        z = -np.cos(heading) - slope[None] * np.sin(heading)
        return np.stack([x, z], axis=-1).reshape(-1, 2)

    def _hits(
        self, position: Position, rays: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """The nearest surfaces of each ray: how far, which, and how far along it; (C, H) each, the nearest first."""
        reach, along = self._reach(position, rays)
        nearest = np.argpartition(reach, HITS, axis=1)[:, :HITS]
        nearest = np.take_along_axis(nearest, np.take_along_axis(reach, nearest, axis=1).argsort(axis=1), axis=1)
        found = np.take_along_axis(reach, nearest, axis=1)
        return np.minimum(found, 1e6), nearest, np.take_along_axis(along, nearest, axis=1)

    def _reach(self, position: Position, rays: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How many ray lengths away each surface is (C, K), infinite where it is missed, and the place along it."""
        shape = self.surfaces
        side = shape.end - shape.start  # (K, 2)
        gap = shape.start - position[[0, 2]]
        across = rays[:, :1] * side[:, 1] - rays[:, 1:] * side[:, 0]  # (C, K)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (gap[:, 0] * side[:, 1] - gap[:, 1] * side[:, 0]) / across
            share = (gap[:, 0] * rays[:, 1:] - gap[:, 1] * rays[:, :1]) / across
        met = (reach > 1e-6) & (share >= 0) & (share <= 1)
        return np.where(met, reach, np.inf), np.where(met, share, 0.0) * np.linalg.norm(side, axis=1)

    def _floor(self, ground: NDArray[np.float64]) -> NDArray[np.float64]:
        """Colours (..., 3) of points (..., 2) on the floor, tiled."""
        x, z = ground[..., 0], ground[..., 1]
        room = np.full(x.shape, len(self.floors))
        for number, (x0, z0, x1, z1) in enumerate(self.floors):
            room[(x >= x0) & (x <= x1) & (z >= z0) & (z <= z1)] = number
        tile = 0.9 + 0.1 * ((np.floor(x / TILE) + np.floor(z / TILE)) % 2)
        return self.floor_colours[room] * tile[..., None]


def _slopes(size: int, hfov: float) -> NDArray[np.float64]:
    """Offset (S,) of each pixel from the axis, for a depth of 1: to the right, or down."""
    offset = (np.arange(size, dtype=np.float64) + 0.5) / (size / 2) - 1
    return offset * math.tan(math.radians(hfov) / 2)

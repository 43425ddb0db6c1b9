"""A house as data: rooms side by side, doors between them, one landmark in each; read from and written to JSON.

Coordinates are (x, z) in metres, seen from above; see `simulators.simulator` for the frame.
"""

import json
import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.errors import UserError

WALL = 0.1  # thickness in metres
ROOM_HEIGHT = 2.7
Colour = tuple[int, int, int]

# Name of a room: colours of its walls and its floor. No two rooms of a house have one name.
ROOMS: dict[str, tuple[Colour, Colour]] = {
    "kitchen": ((235, 215, 90), (150, 140, 130)),
    "bedroom": ((95, 125, 220), (120, 85, 60)),
    "bathroom": ((120, 220, 225), (235, 235, 240)),
    "office": ((215, 215, 205), (60, 70, 110)),
    "library": ((110, 70, 45), (165, 60, 55)),
    "garden": ((70, 160, 75), (115, 190, 90)),
    "hall": ((235, 225, 235), (205, 170, 120)),
    "studio": ((195, 95, 195), (90, 90, 95)),
    "gym": ((235, 140, 60), (45, 60, 50)),
}
COLOURS: dict[str, Colour] = {
    "red": (215, 30, 35),
    "green": (30, 170, 60),
    "blue": (35, 60, 215),
    "yellow": (245, 225, 40),
    "purple": (130, 40, 160),
    "white": (250, 250, 250),
    "black": (20, 20, 20),
}
# Kind of landmark: corners of its footprint, its radius and height in metres.
KINDS: dict[str, tuple[int, float, float]] = {
    "pillar": (8, 0.35, 2.7),
    "cabinet": (4, 0.5, 1.9),
    "tent": (3, 0.55, 1.6),
}


@dataclass(frozen=True)
class Room:
    """A rectangle from (x0, z0) to (x1, z1), to the middle of its walls."""

    name: str
    x0: float
    z0: float
    x1: float
    z1: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle (x, z)."""
        return (self.x0 + self.x1) / 2, (self.z0 + self.z1) / 2

    def holds(self, x: float, z: float) -> bool:
        """Whether a point is in it."""
        return self.x0 <= x <= self.x1 and self.z0 <= z <= self.z1


@dataclass(frozen=True)
class Door:
    """An opening in the wall between two rooms.

    Attributes:
        x: Of its middle.
        z: Of its middle.
        width: In metres.
        along: The axis along which its wall runs, "x" or "z".
        rooms: Numbers of both rooms.
    """

    x: float
    z: float
    width: float
    along: str
    rooms: tuple[int, int]


@dataclass(frozen=True)
class Landmark:
    """A thing that stands in a room, by which an instruction can name a place."""

    colour: str
    kind: str
    x: float
    z: float
    turn: float
    room: int

    @property
    def words(self) -> str:
        """As instructions call it: "red pillar"."""
        return f"{self.colour} {self.kind}"

    @property
    def height(self) -> float:
        """In metres."""
        return KINDS[self.kind][2]

    def footprint(self, grown: float = 0.0) -> NDArray[np.float64]:
        """Corners (C, 2) counter-clockwise seen from above, each side moved outwards by `grown` metres."""
        corners, radius, _ = KINDS[self.kind]
        angle = self.turn + np.arange(corners) * 2 * math.pi / corners
        reach = radius + grown / math.cos(math.pi / corners)
        return np.stack([self.x + reach * np.cos(angle), self.z - reach * np.sin(angle)], axis=1)


@dataclass(frozen=True)
class Scene:
    """A house."""

    rooms: tuple[Room, ...]
    doors: tuple[Door, ...]
    landmarks: tuple[Landmark, ...]

    def room_at(self, x: float, z: float) -> int | None:
        """Number of the room that holds a point."""
        return next((i for i, room in enumerate(self.rooms) if room.holds(x, z)), None)

    def doors_of(self, room: int) -> dict[int, Door]:
        """The doors of a room by the room behind each."""
        return {sum(door.rooms) - room: door for door in self.doors if room in door.rooms}

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_scene(path: Path) -> Scene:
    """The house in a JSON file.

    Raises:
        UserError: The file cannot be read, or an entry of it is not what a scene consists of.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"the scene {path} cannot be read ({error}); make the miniature anew") from error
    kinds: dict[str, type] = {"rooms": Room, "doors": Door, "landmarks": Landmark}
    if not isinstance(plain, dict) or plain.keys() != kinds.keys():
        raise UserError(f"the scene {path} must be a mapping of {', '.join(kinds)}; make the miniature anew")
    parts = {
        name: tuple(_part(path, name, kind, entry, i) for i, entry in enumerate(plain[name]))
        for name, kind in kinds.items()
    }
    return Scene(**parts)


def _part(path: Path, name: str, kind: type, entry: Any, number: int) -> Any:
    try:
        made = kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})
    except (TypeError, AttributeError) as error:
        raise UserError(f"{path}, {name}[{number}]: {error}; make the miniature anew") from error
    words: list[tuple[str, Collection[str]]] = [(made.name, ROOMS)] if isinstance(made, Room) else []
    words += [(made.colour, COLOURS), (made.kind, KINDS)] if isinstance(made, Landmark) else []
    unknown = [word for word, known in words if word not in known]
    if unknown:
        raise UserError(f"{path}, {name}[{number}]: there is no {unknown[0]!r}; make the miniature anew")
    return made

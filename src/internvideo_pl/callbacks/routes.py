"""Walks of an agent on a map of the house, as a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.simulator import Shape as Room
from internvideo_pl.tables.drawing import Disc, Drawing, Path, Point, Shape, Span, Text

SCALE = 26  # pixels a metre
MARGIN, CAPTION = 14, 54  # pixels around a map, and for the words under it
LINE_CHARACTERS = 58  # of an instruction
LINE, LETTERS = 13.0, 11.0  # of the words under a map, in pixels
TRUTH, OWN, PAPER, INK, WALL = "#1b7f3b", "#d1242f", "#ffffff", "#333333", "#444444"
PALE = 0.55  # of a floor's colour that stays


@dataclass(frozen=True)
class Route:
    """One episode to draw.

    Attributes:
        plan: The scene from above; may be empty.
        truth: (M, 3), the shortest path.
        walked: (N, 3), what the agent did.
        instruction: What it was told.
        verdict: What became of it, in a few words.
    """

    plan: Sequence[Room]
    truth: NDArray[np.float64]
    walked: NDArray[np.float64]
    instruction: str
    verdict: str


def draw_routes(routes: Sequence[Route]) -> Drawing:
    """The maps side by side, two a line, with the truth in green and the agent's walk in red."""
    drawn: list[Shape] = []
    x, y, line, width = 0.0, 0.0, 0.0, 0.0
    for number, route in enumerate(routes):
        if number % 2 == 0 and number:
            x, y, line = 0.0, y + line, 0.0
        shapes, wide, high = _map(route, (x, y))
        drawn += shapes
        x, line = x + wide, max(line, high)
        width = max(width, x)
    paper = Path([[(0, 0), (width, 0), (width, y + line), (0, y + line)]], fill=PAPER, closed=True)
    alt = "Maps of houses with the shortest path in green and the agent's walk in red"
    return Drawing(width, y + line, [paper, *drawn], alt)


def _map(route: Route, corner: Point) -> tuple[list[Shape], float, float]:
    """One map with its upper left corner there, its width and its height."""
    paths = [route.truth[:, [0, 2]], route.walked[:, [0, 2]]]
    corners = np.concatenate([*paths, *(room.corners for room in route.plan)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    wide, deep = (high - low) * SCALE + 2 * MARGIN
    wide = max(float(wide), LINE_CHARACTERS * 5.5)

    def at(points: NDArray[np.float64]) -> list[Point]:
        return [(float(x), float(y)) for x, y in (points - low) * SCALE + MARGIN + np.array(corner)]

    shapes = [shape for room in route.plan for shape in _room(room, at(room.corners))]
    truth, walked = at(paths[0]), at(paths[1])
    shapes += [Path([truth], TRUTH, 5, opacity=0.55), Path([walked], OWN, 2)]
    (x, y), (end_x, end_y) = truth[-1], walked[-1]
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    shapes.append(Disc(walked[0], 5, "#111111"))
    shapes.append(Path([[(x + 6 * np.cos(a), y + 6 * np.sin(a)) for a in angles]], TRUTH, 3, closed=True))
    cross = [[(end_x - 4, end_y + side * 4), (end_x + 4, end_y - side * 4)] for side in (-1, 1)]
    shapes.append(Path(cross, OWN, 3))
    lines = [*_wrapped(route.instruction)[:3], route.verdict]
    for number, words in enumerate(lines):
        place = (corner[0] + MARGIN, corner[1] + float(deep) + 8 + LINE * number)
        shapes.append(Text(place, [Span(words, INK, bold=number + 1 == len(lines))], LETTERS))
    return shapes, wide, float(deep) + CAPTION


def _room(room: Room, corners: list[Point]) -> list[Shape]:
    """A floor, pale and with its name, or a wall or a thing."""
    is_floor = bool(room.name) and " " not in room.name
    keep = PALE if is_floor else 1.0
    colour = "#" + "".join(f"{round(keep * part + (1 - keep) * 255):02x}" for part in room.colour)
    edge = WALL if " " in room.name else ""
    shapes: list[Shape] = [Path([corners], edge, fill=colour, closed=True)]
    if is_floor:
        x, y = np.mean(corners, axis=0)
        shapes.append(Text((float(x), float(y)), [Span(room.name, "#707070")], LETTERS, "middle"))
    return shapes


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > LINE_CHARACTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines

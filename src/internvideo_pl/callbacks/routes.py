"""Walks of an agent on a map of the house, as a few kilobytes of SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.simulator import Shape

SCALE = 26  # pixels a metre
MARGIN, CAPTION = 14, 54  # pixels around a map, and for the words under it
LINE_CHARACTERS = 58  # of an instruction
TRUTH, OWN = "#1b7f3b", "#d1242f"
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

    plan: Sequence[Shape]
    truth: NDArray[np.float64]
    walked: NDArray[np.float64]
    instruction: str
    verdict: str


def draw_routes(routes: Sequence[Route]) -> str:
    """The maps side by side, two a line, with the truth in green and the agent's walk in red: an `<svg>` document."""
    drawn, x, y, line, width = [], 0.0, 0.0, 0.0, 0.0
    for number, route in enumerate(routes):
        body, wide, high = _map(route)
        if number % 2 == 0 and number:
            x, y, line = 0.0, y + line, 0.0
        drawn.append(f'<g transform="translate({x:.0f} {y:.0f})">{body}</g>')
        x, line = x + wide, max(line, high)
        width = max(width, x)
    label = "Maps of houses with the shortest path in green and the agent's walk in red"
    style = "font:11px sans-serif;fill:#333"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {y + line:.0f}" width="{width:.0f}" '
        f'height="{y + line:.0f}" role="img" aria-label="{label}" style="{style}">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}</svg>\n'
    )


def _map(route: Route) -> tuple[str, float, float]:
    """One map, its width and its height."""
    paths = [route.truth[:, [0, 2]], route.walked[:, [0, 2]]]
    corners = np.concatenate([*paths, *(shape.corners for shape in route.plan)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    wide, deep = (high - low) * SCALE + 2 * MARGIN
    wide = max(float(wide), LINE_CHARACTERS * 5.5)

    def at(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return (points - low) * SCALE + MARGIN

    parts = [_shape(shape, at(shape.corners)) for shape in route.plan]
    parts.append(_path(at(paths[0]), TRUTH, 5, 0.55))
    parts.append(_path(at(paths[1]), OWN, 2, 1.0))
    start, end, goal = (at(path[[place]][:, [0, 2]])[0] for path, place in _marks(route))
    parts.append(f'<circle cx="{start[0]:.1f}" cy="{start[1]:.1f}" r="5" fill="#111"/>')
    parts.append(f'<circle cx="{goal[0]:.1f}" cy="{goal[1]:.1f}" r="6" fill="none" stroke="{TRUTH}" stroke-width="3"/>')
    parts.append(f'<path d="M{end[0] - 4:.1f} {end[1] - 4:.1f}l8 8m0 -8l-8 8" stroke="{OWN}" stroke-width="3"/>')
    lines = [*_wrapped(route.instruction)[:3], route.verdict]
    for number, words in enumerate(lines):
        weight = ' font-weight="700"' if number + 1 == len(lines) else ""
        parts.append(f'<text x="{MARGIN}" y="{deep + 8 + 13 * number:.0f}"{weight}>{escape(words)}</text>')
    return "".join(parts), wide, float(deep) + CAPTION


def _marks(route: Route) -> tuple[tuple[NDArray[np.float64], int], ...]:
    return (route.walked, 0), (route.walked, -1), (route.truth, -1)


def _shape(shape: Shape, corners: NDArray[np.float64]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    is_floor = bool(shape.name) and " " not in shape.name
    keep = PALE if is_floor else 1.0
    red, green, blue = (round(keep * part + (1 - keep) * 255) for part in shape.colour)
    edge = ' stroke="#444"' if " " in shape.name else ""
    drawn = f'<polygon points="{points}" fill="rgb({red},{green},{blue})"{edge}/>'
    if not is_floor:
        return drawn
    x, y = corners.mean(axis=0)
    return f'{drawn}<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill-opacity=".6">{escape(shape.name)}</text>'


def _path(points: NDArray[np.float64], colour: str, width: int, opacity: float) -> str:
    steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return (
        f'<path d="M{steps}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > LINE_CHARACTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines

"""A line plot of a few kilobytes, as a drawing or as SVG that can stand in a page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from internvideo_pl.tables.axis import Scale, extent, ticks, widened
from internvideo_pl.tables.drawing import SWATCH, Drawing, Path, Point, Shape, Span, Text, label, series_color, to_svg

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 54, 8, 30, 38  # margins for tick labels, legend and axis name
POINTS = 400  # of a line that are drawn; more would only grow the page
LEGEND = 8  # names that are told above the plot
# Of the legend, in pixels: a letter's width, a colour's with its gap, a line's height.
LETTER, SAMPLE, LINE = 6.6, 18.0, 17.0


@dataclass(frozen=True)
class Line:
    """A quantity over steps: as logged (drawn pale) and smoothed (drawn boldly)."""

    label: str
    steps: Sequence[int]
    values: Sequence[float]
    smooth: Sequence[float]


def line_plot(lines: Sequence[Line], alt: str, x_label: str) -> str:
    """`line_drawing` as an `<svg>` element."""
    return to_svg(line_drawing(lines, alt, x_label))


def line_drawing(lines: Sequence[Line], alt: str, x_label: str, empty: str = "no loss was logged") -> Drawing:
    """Draw lines over a common x axis.

    Args:
        lines: What to draw.
        alt: The drawing in words, for those who do not see it.
        x_label: Name of the x axis.
        empty: What a plot without a finite value says.
    """
    if not any(math.isfinite(value) for line in lines for value in line.values):
        return Drawing(WIDTH, HEIGHT, [label(WIDTH / 2, HEIGHT / 2, empty, "middle")], alt)
    steps = [step for line in lines for step in line.steps]
    legend = _legend(lines)
    height = HEIGHT + LINE * (len(legend) - 1)
    x = Scale(*widened(*extent(steps)), start=LEFT, end=WIDTH - RIGHT)
    y = Scale(*widened(*_value_range(lines)), start=height - BOTTOM, end=height - HEIGHT + TOP)
    shapes: list[Shape] = [*legend, *_grid(x, y, height)]
    for i, line in enumerate(lines):
        color = series_color(i)
        shapes.append(Path(_pieces(line.steps, line.values, x, y), color, 1, opacity=0.28))
        shapes.append(Path(_pieces(line.steps, line.smooth, x, y), color, 2.2))
    shapes.append(label((LEFT + WIDTH - RIGHT) / 2, height - 4, x_label, "middle"))
    return Drawing(WIDTH, height, shapes, alt)


def _pieces(steps: Sequence[int], values: Sequence[float], x: Scale, y: Scale) -> list[list[Point]]:
    """The line in pieces: a value that is not finite breaks it."""
    picked = sorted({*range(0, len(steps), math.ceil(len(steps) / POINTS)), len(steps) - 1})
    pieces: list[list[Point]] = [[]]
    for i in picked:
        if math.isfinite(values[i]):
            pieces[-1].append((x(steps[i]), y(values[i])))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _grid(x: Scale, y: Scale, height: float) -> list[Shape]:
    """Horizontal lines with their numbers, and numbers along the x axis."""
    shapes: list[Shape] = []
    for value in (round(tick, 10) for tick in ticks(y.low, y.high)):
        shapes.append(Path([[(LEFT, y(value)), (WIDTH - RIGHT, y(value))]], "line"))
        shapes.append(label(LEFT - 8, y(value) + 4, f"{value:g}", "end"))
    for value in ticks(x.low, x.high):
        if value == int(value):
            shapes.append(label(x(value), height - BOTTOM + 17, f"{value:,.0f}", "middle"))
    return shapes


def _legend(lines: Sequence[Line]) -> list[Text]:
    """The names, on as many lines as they take."""
    rows: list[list[Span]] = [[]]
    used = 0.0
    for i, line in enumerate(lines[:LEGEND]):
        width = SAMPLE + LETTER * (len(line.label) + 3)
        if rows[-1] and used + width > WIDTH - LEFT:
            rows.append([])
            used = 0.0
        rows[-1] += [Span(SWATCH, series_color(i), bold=True), Span(f"{line.label}   ")]
        used += width
    if len(lines) > LEGEND:
        rows[-1].append(Span(f"and {len(lines) - LEGEND} more"))
    return [Text((LEFT, 16 + LINE * i), spans) for i, spans in enumerate(rows)]


def _value_range(lines: Sequence[Line]) -> tuple[float, float]:
    """From least to greatest, but a few wild values (the outer 1 % as logged) may lie on the frame's edge."""
    kept = [value for line in lines for value in line.smooth]
    for line in lines:
        ordered = sorted(value for value in line.values if math.isfinite(value))
        cut = len(ordered) // 100
        kept += ordered[cut : len(ordered) - cut]
    return extent(kept)

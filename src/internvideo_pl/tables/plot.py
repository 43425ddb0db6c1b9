"""A line plot as a few kilobytes of SVG that can stand in a page.

Colours are style-sheet variables with a fallback each, so a page can turn the drawing dark; text stays text; nothing
has an id, so any number of drawings fit into one page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 30, 38  # margins for tick labels, legend and axis name
POINTS = 400  # of a line that are drawn; more would only grow the page
COLORS = ("#2f5bea", "#c2410c", "#0f766e", "#9333ea", "#a16207", "#be185d")
INK, GRID = "var(--muted, #5c6672)", "var(--line, #e3e7ec)"


@dataclass(frozen=True)
class Line:
    """A quantity over steps: as logged (drawn pale) and smoothed (drawn boldly)."""

    label: str
    steps: Sequence[int]
    values: Sequence[float]
    smooth: Sequence[float]


@dataclass(frozen=True)
class _Scale:
    """A range of numbers laid over a range of pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def line_plot(lines: Sequence[Line], alt: str, x_label: str) -> str:
    """Draw lines over a common x axis.

    Args:
        lines: What to draw; an empty plot says that nothing was logged.
        alt: The drawing in words, for those who do not see it.
        x_label: Name of the x axis.

    Returns:
        An `<svg>` element.
    """
    if not any(math.isfinite(value) for line in lines for value in line.values):
        middle = f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">no loss was logged</text>'
        return _svg(alt, middle)
    x = _Scale(*_widened(*_extent([line.steps for line in lines])), start=0, end=WIDTH - LEFT - RIGHT)
    y = _Scale(*_widened(*_value_range(lines)), start=HEIGHT - TOP - BOTTOM, end=0)
    inside = "".join(_line(line, color, x, y) for line, color in zip(lines, _colors(len(lines)), strict=True))
    frame = f'<svg x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}">{inside}</svg>'
    name = f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>'
    return _svg(alt, _legend(lines) + _grid(x, y) + frame + name)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`, in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _svg(alt: str, content: str) -> str:
    style = f"fill:{INK};font:12px var(--font, sans-serif);font-variant-numeric:tabular-nums"
    label = escape(alt, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" style="{style}">{content}</svg>'


def _colors(count: int) -> list[str]:
    return [f"var(--line-{i % len(COLORS) + 1}, {COLORS[i % len(COLORS)]})" for i in range(count)]


def _line(line: Line, color: str, x: _Scale, y: _Scale) -> str:
    pale = f'<path d="{_path(line.steps, line.values, x, y)}" style="stroke:{color};opacity:.28" stroke-width="1"/>'
    bold = f'<path d="{_path(line.steps, line.smooth, x, y)}" style="stroke:{color}" stroke-width="2.2"/>'
    return f'<g fill="none" stroke-linejoin="round" stroke-linecap="round">{pale}{bold}</g>'


def _path(steps: Sequence[int], values: Sequence[float], x: _Scale, y: _Scale) -> str:
    """SVG path data; a value that is not finite breaks the line, a lone one becomes a dot."""
    picked = sorted({*range(0, len(steps), math.ceil(len(steps) / POINTS)), len(steps) - 1})
    parts, pen = [], "M"
    for i in picked:
        if math.isfinite(values[i]):
            parts.append(f"{pen}{x(steps[i]):.1f} {y(values[i]):.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts) + ("h0" if len(parts) == 1 else "")


def _grid(x: _Scale, y: _Scale) -> str:
    """Horizontal lines with their numbers, and numbers along the x axis."""
    rows = [
        f'<path d="M{LEFT} {TOP + y(value):.1f}H{WIDTH - RIGHT}" style="stroke:{GRID}"/>'
        f'<text x="{LEFT - 8}" y="{TOP + y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in (round(tick, 10) for tick in ticks(y.low, y.high))
    ]
    columns = [
        f'<text x="{LEFT + x(value):.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{value:,.0f}</text>'
        for value in ticks(x.low, x.high)
        if value == int(value)
    ]
    return "".join(rows + columns)


def _legend(lines: Sequence[Line]) -> str:
    """Names in one text, so that they need no measuring."""
    spans = [
        f'<tspan style="fill:{color}" font-weight="700">━ </tspan><tspan>{escape(line.label)}   </tspan>'
        for line, color in zip(lines, _colors(len(lines)), strict=True)
    ]
    return f'<text x="{LEFT}" y="16" xml:space="preserve">{"".join(spans)}</text>'


def _extent(many: Sequence[Sequence[float]]) -> tuple[float, float]:
    finite = [value for values in many for value in values if math.isfinite(value)]
    return min(finite), max(finite)


def _value_range(lines: Sequence[Line]) -> tuple[float, float]:
    """From least to greatest, but a few wild values (the outer 1 % as logged) may leave the frame."""
    kept: list[Sequence[float]] = [line.smooth for line in lines]
    for line in lines:
        ordered = sorted(value for value in line.values if math.isfinite(value))
        cut = len(ordered) // 100
        kept.append(ordered[cut : len(ordered) - cut])
    return _extent(kept)


def _widened(low: float, high: float) -> tuple[float, float]:
    """The range, opened a little where it is a point."""
    room = max(0.5, abs(low) / 100)
    return (low, high) if high > low else (low - room, high + room)

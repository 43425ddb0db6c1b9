"""A sweep as pictures: every trial as a line through its parameters, and how much each parameter matters."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from internvideo_pl.tables.axis import Scale, extent, ticks, widened
from internvideo_pl.tables.drawing import Drawing, Path, Shape, box, label

GAP, LEFT, TOP, HEIGHT, BOTTOM = 170, 90, 64, 240, 34  # of the axes, in pixels
NAMES, LENGTH, ROW = 260, 300, 30  # of the bars
CHOICES = 8  # values up to which numbers are told apart one by one, and not as a range
LETTERS = 24  # of a parameter's name that are shown
MARK = 10.5  # size of what is written beside an axis


@dataclass(frozen=True)
class Point:
    """A trial: the values of its parameters, and what came of it (NaN for nothing)."""

    values: Mapping[str, Any]
    score: float


@dataclass(frozen=True)
class _Axis:
    """Where a value stands on a vertical axis, 0 at its lower end, and what is written beside it."""

    name: str
    place: Mapping[str, float]
    scale: Scale | None
    logarithmic: bool = False

    def at(self, value: Any) -> float:
        if self.scale is None:
            return self.place[str(value)]
        return self.scale(math.log10(value) if self.logarithmic else value)

    def marks(self) -> list[tuple[float, str]]:
        if self.scale is None:
            return [(place, word) for word, place in self.place.items()]
        marks = ticks(self.scale.low, self.scale.high, 4)
        return [(self.scale(mark), f"{10**mark:.2g}" if self.logarithmic else f"{mark:g}") for mark in marks]


def parallel_coordinates(points: Sequence[Point], logarithmic: Sequence[str], metric: str, maximize: bool) -> Drawing:
    """One line a trial through an axis a parameter to the metric; the best boldly.

    Args:
        points: The trials.
        logarithmic: Parameters that are told apart by ratios.
        metric: Its name.
        maximize: Whether more is better.
    """
    done = [point for point in points if math.isfinite(point.score)]
    names = list(points[0].values) if points else []
    width = 2 * LEFT + GAP * len(names)
    if not done:
        return Drawing(width, TOP + HEIGHT + BOTTOM, [label(LEFT, TOP, "no trial has come to its end")], "no trials")
    axes = [_axis(name, [point.values[name] for point in done], name in logarithmic) for name in names]
    axes.append(_axis(metric, [point.score for point in done], False, numbers=True))
    order = sorted(range(len(done)), key=lambda i: (done[i].score if maximize else -done[i].score, -i))
    ranked = [done[i] for i in order]  # the best last, of equal ones the first
    shapes: list[Shape] = [label(12, 22, f"{len(done)} trials; boldly the best", color="ink", size=14)]
    for place, point in enumerate(ranked):
        best = place == len(ranked) - 1
        line = [(LEFT + i * GAP, _y(axis.at(point.values[axis.name]))) for i, axis in enumerate(axes[:-1])]
        line.append((LEFT + (len(axes) - 1) * GAP, _y(axes[-1].at(point.score))))
        share = (place + 1) / len(ranked)
        shapes.append(
            Path([line], "line-2" if best else "line-1", 3 if best else 1.2, opacity=1 if best else 0.15 + 0.5 * share)
        )
    for i, axis in enumerate(axes):  # over the lines, or nobody could read it
        shapes += _drawn(axis, LEFT + i * GAP)
    top = ranked[-1]
    said = ", ".join(f"{name} {value}" for name, value in top.values.items())
    return Drawing(
        width, TOP + HEIGHT + BOTTOM, shapes, f"{len(done)} trials; the best has {metric} {top.score:.4g} with {said}."
    )


def importance_bars(shares: Mapping[str, float], metric: str, trials: int) -> Drawing:
    """Bars of how much of the metric's variation each parameter accounts for; says so where nothing is known."""
    shapes: list[Shape] = [label(12, 24, f"importance for {metric}, from {trials} trials", color="ink", size=14)]
    if not shares:
        shapes.append(label(12, 52, "too few trials, or all alike: nothing can be said of it"))
        return Drawing(NAMES + LENGTH + 70, 74, shapes, "importance: too few trials")
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    for i, (name, share) in enumerate(ordered):
        y = 44 + i * ROW
        shapes += [
            label(NAMES - 10, y + 14, name, "end", "ink"),
            box(NAMES, y, LENGTH, ROW - 12, "line", 0.5),
            box(NAMES, y, LENGTH * share, ROW - 12, "line-1"),
            label(NAMES + LENGTH + 8, y + 14, f"{share:.0%}"),
        ]
    alt = "importance: " + ", ".join(f"{name} {share:.0%}" for name, share in ordered)
    return Drawing(NAMES + LENGTH + 70, 44 + len(ordered) * ROW + 10, shapes, alt)


def _drawn(axis: _Axis, x: float) -> list[Shape]:
    """An axis with its name and its marks, each on a ground of its own."""
    shapes: list[Shape] = [
        Path([[(x, TOP), (x, TOP + HEIGHT)]], "muted"),
        label(x, TOP - 14, _end_of(axis.name), "middle", "ink"),
    ]
    for place, word in axis.marks():
        word = word if len(word) <= 14 else f"{word[:13]}…"
        width = 0.62 * MARK * len(word) + 4
        shapes.append(box(x - 4 - width, _y(place) - 8, width, 16, "panel", 0.85))
        shapes.append(label(x - 6, _y(place) + 4, word, "end", size=MARK))
    return shapes


def _end_of(name: str) -> str:
    """A name, or of a long one the last parts."""
    if len(name) <= LETTERS:
        return name
    parts = re.split(r"(?<=[.:/])", name)
    while len(parts) > 1 and sum(map(len, parts)) > LETTERS:
        parts = parts[1:]
    return "".join(parts)[-LETTERS:]


def _y(place: float) -> float:
    return TOP + HEIGHT * (1 - place)


def _axis(name: str, values: Sequence[Any], logarithmic: bool, numbers: bool = False) -> _Axis:
    plain = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    words = dict.fromkeys(map(str, sorted(values) if plain else values))
    if not numbers and (not plain or len(words) <= min(CHOICES, max(len(values) // 2, 1))):
        step = 1 / max(len(words) - 1, 1)
        return _Axis(name, {word: 0.5 if len(words) == 1 else i * step for i, word in enumerate(words)}, None)
    shown = [math.log10(value) for value in values] if logarithmic else values
    low, high = extent(shown)
    low, high = widened(low, high) if high <= low else (low, high)
    return _Axis(name, {}, Scale(low, high, 0.0, 1.0), logarithmic)

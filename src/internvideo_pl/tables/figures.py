"""The overview as pictures, a radar and bars for every benchmark: the paper, the best before it, ours."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from internvideo_pl.tables.comparable import best_of_each, dividing_fields, protocol_words
from internvideo_pl.tables.drawing import SWATCH, Anchor, Disc, Drawing, Path, Point, Shape, Span, Text, box, label
from internvideo_pl.tables.paper import Benchmark, paper
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.seeds import Result, results

GROUPS = {
    "action": "action understanding",
    "language": "video-language alignment",
    "zero_shot": "zero-shot video-language",
    "open_world": "open understanding",
}
BEYOND = 40  # the paper's extra row, which its overview figure does not have
CENTER, RIM = 0.5, 1.1  # shares of the paper's figure at the centre of a panel and at its rim
WIDE, HIGH, RADIUS, HEAD = 560, 420, 130, 64  # of a panel in pixels; room for title and legend
BAR, GAP, NAMES, LENGTH, FIGURES = 13, 16, 170, 380, 190  # of the bar charts, in pixels
LETTER = 6.2  # pixels that a letter of the figures takes
SERIES = {"before": "muted", "paper": "line-1", "ours": "line-2"}
WORDS = {"before": "best before", "paper": "InternVideo (the paper)", "ours": "ours"}


@dataclass(frozen=True)
class Ours:
    """A comparable figure of ours; `protocol` says of which protocol, in words, where there are several."""

    value: float
    interval: tuple[float, float] | None = None
    protocol: str = ""


@dataclass(frozen=True)
class Entry:
    """A benchmark's figures: the paper's by their series, and ours, one for each protocol, which are not ranked."""

    benchmark: Benchmark
    values: dict[str, float]
    ours: tuple[Ours, ...] = ()

    def of(self, series: str) -> float | None:
        """The figure of a series; of ours, none where there are several protocols."""
        if series == "ours":
            return self.ours[0].value if len(self.ours) == 1 else None
        return self.values.get(series)

    @property
    def bars(self) -> list[tuple[str, Ours]]:
        """Every figure with its series."""
        return [*((name, Ours(value)) for name, value in self.values.items()), *(("ours", one) for one in self.ours)]


def figures(rows: Sequence[Row]) -> dict[str, Drawing]:
    """File name without suffix -> drawing: `radar`, and `bars_<group>` for each group of benchmarks."""
    found = results(rows)
    groups = {
        group: [_entry(each, found) for each in paper().benchmarks.values() if each.group == group] for group in GROUPS
    }
    return {"radar": radar(groups), **{f"bars_{name}": bars(GROUPS[name], each) for name, each in groups.items()}}


def radar(groups: dict[str, list[Entry]]) -> Drawing:
    """Four panels; every axis is a benchmark, its ring "100 %" the paper's figure."""
    shapes: list[Shape] = [_legend()]
    for i, (group, entries) in enumerate(groups.items()):
        center = ((i % 2 + 0.5) * WIDE, HEAD + (i // 2 + 0.5) * HIGH + 20)
        shapes += _panel(GROUPS[group], [entry for entry in entries if entry.benchmark.n < BEYOND], center)
    shown = [entry for entries in groups.values() for entry in entries if entry.benchmark.n < BEYOND]
    ours = sum(entry.of("ours") is not None for entry in shown)
    alt = f"Radar of the 39 benchmarks in four panels, as shares of the paper's figures; ours on {ours} of them."
    note = f"ring = the paper's figure; centre = {CENTER:.0%} of it or less"
    several = [entry.benchmark.id for entry in shown if len(entry.ours) > 1]
    if several:
        note += f"; of several protocols, in the bars: {', '.join(several)}"
        alt += f" Of several protocols, and not drawn: {', '.join(several)}."
    shapes.append(label(WIDE, HEAD - 14, note, "middle"))
    return Drawing(2 * WIDE, HEAD + 2 * HIGH, shapes, alt)


def bars(title: str, entries: Sequence[Entry]) -> Drawing:
    """For every benchmark its best before, the paper's figure and ours, with the interval of ours."""
    shapes: list[Shape] = [label(12, 24, title, color="ink", size=16), _legend(12, 46, "start")]
    top = 64.0
    for entry in entries:
        limit = 100.0 if max(one.value for _, one in entry.bars) > 10 else 10.0  # a few are no percentages or tiny
        shapes.append(label(NAMES - 10, top + BAR + 8, entry.benchmark.id, "end", "ink"))
        for name, one in entry.bars:
            length = LENGTH * min(max(one.value / limit, 0.0), 1.0)
            shapes += [
                box(NAMES, top, LENGTH, BAR - 2, "line", 0.5),
                box(NAMES, top, length, BAR - 2, SERIES[name]),
                label(NAMES + LENGTH + 8, top + BAR - 3, _words(name, one, limit)),
            ]
            if one.interval is not None:
                low, high = (NAMES + LENGTH * min(max(end / limit, 0.0), 1.0) for end in one.interval)
                shapes.append(Path([[(low, top + BAR / 2 - 1), (high, top + BAR / 2 - 1)]], "ink", 1.5))
            top += BAR
        top += GAP
    said = "; ".join(f"{entry.benchmark.id}: {_alt(entry)}" for entry in entries)
    longest = max((len(_words(name, one, 10.0)) for entry in entries for name, one in entry.bars), default=0)
    width = NAMES + LENGTH + max(FIGURES, LETTER * longest)
    return Drawing(width, top, shapes, f"{title}: {said}.")


def _entry(benchmark: Benchmark, found: Sequence[Result]) -> Entry:
    metric = benchmark.headline
    each = best_of_each([one for one in found if one.row.headline == metric], benchmark.id, metric)
    fields = dividing_fields([each])
    ours = [Ours(one.row.value, _ends(one, metric), protocol_words(one.row, fields)) for one in each]
    values = {"before": benchmark.previous.get(metric), "paper": benchmark.paper[metric]}
    known = {name: value for name, value in values.items() if value is not None}
    return Entry(benchmark, known, tuple(one for one in ours if math.isfinite(one.value)))


def _ends(found: Result, metric: str) -> tuple[float, float] | None:
    ends = found.intervals.get(metric)
    return ends if ends and all(map(math.isfinite, ends)) else None


def _words(name: str, one: Ours, limit: float) -> str:
    scale = "" if limit == 100 else f" (of {limit:g})"
    protocol = f", {one.protocol}" if one.protocol else ""
    return f"{one.value:.2f}{scale}, {WORDS[name].removesuffix(' (the paper)')}{protocol}"


def _alt(entry: Entry) -> str:
    return ", ".join(
        f"{WORDS[name]} {one.value:.2f}{f' ({one.protocol})' if one.protocol else ''}" for name, one in entry.bars
    )


def _legend(x: float = WIDE, y: float = 24, anchor: Anchor = "middle") -> Text:
    spans = [
        span
        for name, color in SERIES.items()
        for span in (Span(SWATCH, color, True), Span(f"{WORDS[name]}    ", "ink"))
    ]
    return Text((x, y), spans, 14, anchor)


def _panel(title: str, entries: Sequence[Entry], center: Point) -> list[Shape]:
    """Rings, axes with their names, and one closed line a series."""
    x, y = center

    def at(i: int, share: float) -> Point:
        angle = 2 * math.pi * i / len(entries) - math.pi / 2
        length = RADIUS * (min(max(share, CENTER), RIM) - CENTER) / (1 - CENTER)
        return x + length * math.cos(angle), y + length * math.sin(angle)

    shapes: list[Shape] = [label(x, y - RADIUS - 62, title, "middle", "ink", 16)]
    for ring in (0.75, 1.0):
        shapes.append(
            Path([[at(i, ring) for i in range(len(entries))]], "line" if ring < 1 else "muted", 1, closed=True)
        )
    for i, entry in enumerate(entries):
        shapes.append(Path([[center, at(i, 1.0)]], "line"))
        shapes += _axis_name(entry, at(i, 1.0), center)
    for name, color in SERIES.items():
        shapes += _series(entries, name, color, at)
    return shapes


def _axis_name(entry: Entry, tip: Point, center: Point) -> list[Shape]:
    """The benchmark's name and the paper's figure, beyond the tip of its axis."""
    dx, dy = (tip[0] - center[0]) / RADIUS, (tip[1] - center[1]) / RADIUS
    x, y = center[0] + (RADIUS + 32) * dx, center[1] + (RADIUS + 28) * dy
    anchor: Anchor = "middle" if abs(dx) < 0.25 else "start" if dx > 0 else "end"
    spans = [Span(f"{entry.benchmark.id} ", "ink"), Span(f"{entry.values['paper']:g}", "line-1")]
    return [Text((x, y + 4), spans, 11.5, anchor)]


def _series(entries: Sequence[Entry], name: str, color: str, at: Callable[[int, float], Point]) -> list[Shape]:
    """The series as a closed line; where an axis has no figure it is broken, and every figure has its dot."""
    values = [entry.of(name) for entry in entries]
    points = {
        i: at(i, value / entry.values["paper"])
        for i, (value, entry) in enumerate(zip(values, entries, strict=True))
        if value is not None
    }
    shapes: list[Shape] = []
    if len(points) == len(entries):
        ring = [list(points.values())]
        shapes = [Path(ring, fill=color, opacity=0.08, closed=True), Path(ring, color, 2, closed=True)]
    else:
        sides = [(i, (i + 1) % len(entries)) for i in points if (i + 1) % len(entries) in points]
        shapes = [Path([[points[a], points[b]]], color, 2) for a, b in sides]
    return [*shapes, *(Disc(point, 3, color) for point in points.values())]

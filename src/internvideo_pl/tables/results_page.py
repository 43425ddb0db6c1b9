"""All of results/ as one page: overview, tables that sort and filter, and behind every row its run.

The page needs nothing besides itself: the script and the pictures are in it, and its policy forbids everything else.
What a row opens lies in a `template`, which a browser neither draws nor decodes before it is asked for.
"""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from internvideo_pl.tables.benchmark import metric_words
from internvideo_pl.tables.drawing import Drawing, to_svg
from internvideo_pl.tables.paper import benchmark
from internvideo_pl.tables.report import STYLE, page
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.sections import Card, CardsSection, Section, section_body
from internvideo_pl.tables.table import Cell, Column, Table, interval, number
from internvideo_pl.tables.verdict import against_chance, against_paper, bounds

SCRIPT = STYLE.with_name("results_page.js")
PAGE_STYLE = STYLE.with_name("results_page.css")
NARROW = ("experiment", "metric", "ours", "verdict")  # columns that a phone shows
NARROW_CLAIMS = ("claim", "difference", "verdict")
FILTERED = ("task", "benchmark", "data", "outcome")  # columns that have a choice of their own


@dataclass(frozen=True)
class RunView:
    """A row of the page and what it opens.

    Attributes:
        row: The row.
        folder: Of its run, as it is shown.
        sections: What is known of the run.
    """

    row: Row
    folder: str
    sections: Sequence[Section] = ()


@dataclass(frozen=True)
class ResultsPage:
    """What the page shows.

    Attributes:
        runs: Every row, newest first.
        tables: The paper's tables, by name.
        figures: Drawings of the overview, the radar first, by name.
        sweeps: Sections of every sweep, by its name.
        claims: The paper's claims as miniatures judge them.
        problems: Files that were left out, and why.
        agreeing: What agrees with the paper.
    """

    runs: Sequence[RunView]
    tables: Mapping[str, Table]
    figures: Mapping[str, Drawing]
    sweeps: Mapping[str, Sequence[Section]] = field(default_factory=dict)
    claims: Table | None = None
    problems: Sequence[str] = ()
    agreeing: Sequence[str] = ()


def results_page(content: ResultsPage) -> str:
    """The page as HTML."""
    script = SCRIPT.read_text(encoding="utf-8")
    parts = {
        "Overview": _overview(content),
        "Results": _results(content.runs),
        "The paper's tables": "".join(_folded(table.title, sortable(table)) for table in content.tables.values()),
    }
    if content.claims is not None:
        parts["The paper's claims in miniature"] = sortable(content.claims, narrow=NARROW_CLAIMS)
    if content.sweeps:
        parts["Sweeps"] = "".join(_folded(name, _bodies(sections)) for name, sections in content.sweeps.items())
    if content.problems:
        items = "".join(f"<li>{escape(problem)}</li>" for problem in content.problems)
        parts["Files that were left out"] = f'<ul class="panel problems">{items}</ul>'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return page(
        "Results",
        "Every row that runs wrote, beside the paper. Figures of miniatures only check the path.",
        list(parts.items()),
        script=script,
        policy=f"script-src 'sha256-{digest}'",
        style=PAGE_STYLE.read_text(encoding="utf-8"),
    )


def sortable(table: Table, opens: Sequence[str] = (), narrow: Sequence[str] = ()) -> str:
    """A table whose columns sort by a press on their heading, with a search field.

    Args:
        table: What it shows.
        opens: For each row the id of the template that it opens; none for a table without.
        narrow: Columns that a phone shows; all by default.
    """
    wide = [bool(narrow) and column.name not in narrow for column in table.columns]
    heads = "".join(_head(column, hidden) for column, hidden in zip(table.columns, wide, strict=True))
    rows = "".join(
        f"<tr>{_cells(table.columns, row, wide, opens[i] if opens else '')}</tr>\n" for i, row in enumerate(table.rows)
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    under = f"<figcaption><ul>{notes}</ul></figcaption>" if notes else ""
    name = escape(table.title, quote=True)
    return (
        f'<figure class="panel table sortable"><div class="tools"></div>'
        f'<div class="scroll" role="region" aria-label="{name}" tabindex="0">'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>"
        f'<p class="count" role="status"></p>{under}</figure>'
    )


def _head(column: Column, wide: bool) -> str:
    classes = " ".join(word for word, wanted in {"number": column.number, "wide": wide}.items() if wanted)
    choice = ' data-filter="1"' if column.name in FILTERED else ""
    return (
        f'<th scope="col" class="{classes}" aria-sort="none"{choice}>'
        f'<button type="button">{escape(column.name)}</button></th>'
    )


def _cells(columns: Sequence[Column], row: Sequence[Cell], wide: Sequence[bool], opens: str) -> str:
    cells = []
    for i, (column, cell) in enumerate(zip(columns, row, strict=True)):
        words = {
            "number": column.number,
            "wide": wide[i],
            "best": cell.best,
            cell.tone: bool(cell.tone),
        }
        classes = " ".join(word for word, wanted in words.items() if wanted)
        raw = f' data-sort="{cell.raw!r}"' if cell.raw is not None and math.isfinite(cell.raw) else ""
        text = escape(cell.text)
        if i == 0 and opens:
            text = f'<button type="button" class="open" aria-expanded="false" data-opens="{opens}">{text}</button>'
        tag, scope = ("th", ' scope="row"') if i == 0 else ("td", "")
        cells.append(f'<{tag}{scope} class="{classes}"{raw}>{text}</{tag}>')
    return "".join(cells)


def _overview(content: ResultsPage) -> str:
    rows = [view.row for view in content.runs]
    runs = {view.folder: view.row for view in reversed(content.runs)}  # of each the newest row, whose cost is the run's
    energy = [row.kwh for row in runs.values() if row.kwh is not None]
    cards = [
        Card("runs", f"{len(runs):,}", f"{len(rows):,} rows"),
        Card(
            "agree with the paper",
            f"{len(content.agreeing)}",
            ", ".join(content.agreeing)[:120],
            "good" if content.agreeing else "",
        ),
        Card(
            "GPU hours",
            f"{sum(row.gpu_hours for row in runs.values()):,.1f}",
            f"{sum(energy):,.2f} kWh where it is known",
        ),
        Card("incomplete", f"{sum(not row.coverage.complete for row in rows)}", "rows with missing test videos"),
    ]
    drawn = list(content.figures.items())
    radar = f'<figure class="panel drawing">{to_svg(drawn[0][1])}</figure>' if drawn else ""
    bars = "".join(
        _folded(name.removeprefix("bars_").replace("_", " "), f'<div class="drawing">{to_svg(drawing)}</div>')
        for name, drawing in drawn[1:]
    )
    return section_body(CardsSection("", cards)) + radar + bars


def _results(runs: Sequence[RunView]) -> str:
    if not runs:
        return '<p class="panel">No run has written a row yet: make experiment NAME=demo</p>'
    names = [f"run-{i}" for i in range(len(runs))]
    heads = [
        *(Column(name) for name in ("experiment", "model", "task", "benchmark", "data", "metric")),
        *(Column(name, number=True) for name in ("ours", "95 % interval", "chance", "paper", "difference")),
        Column("outcome"),
        Column("verdict"),
        *(Column(name, number=True) for name in ("coverage", "seed", "GPU hours")),
        Column("date"),
    ]
    table = Table("Results", heads, [_line(view.row) for view in runs])
    templates = "".join(
        f'<template id="{name}">{_opened(view)}</template>\n' for name, view in zip(names, runs, strict=True)
    )
    return sortable(table, names, NARROW) + templates


def _line(row: Row) -> list[Cell]:
    verdict, chance = against_paper(row), against_chance(row, row.headline)
    target = benchmark(row.benchmark).paper.get(row.headline) if row.benchmark else None
    share = row.coverage.used / row.coverage.official if row.coverage.official else 0.0
    outcome = "miniature" if row.mini else verdict.text.split(":")[0].split(" by ")[0].split(" on ")[0]
    return [
        Cell(row.experiment),
        Cell(row.model),
        Cell(row.task.replace("_", " ")),
        Cell(row.benchmark or "-"),
        Cell("miniature" if row.mini else "real"),
        Cell(metric_words(row.headline)),
        _ours(row),
        interval(row.intervals.get(row.headline)),
        number(row.chance.get(row.headline)),
        number(target, digits=2),
        Cell("-", tone="muted")
        if verdict.difference is None
        else Cell(f"{verdict.difference:+.2f}", verdict.difference),
        Cell(outcome, tone=verdict.tone or "muted"),
        Cell(chance.text if row.mini else verdict.text, tone=(chance if row.mini else verdict).tone or "muted"),
        Cell(f"{share:.1%}", raw=share, tone="" if row.coverage.complete else "bad"),
        Cell(str(row.seed), raw=row.seed),
        number(row.gpu_hours, digits=2),
        Cell(row.created[:16].replace("T", " ")),
    ]


def _ours(row: Row) -> Cell:
    """The headline's value, with its bounds where videos were missing."""
    value, ends = number(row.value, digits=2), bounds(row, row.headline)
    return value if ends is None else Cell(f"{value.text} {interval(ends).text}", raw=value.raw, tone=value.tone)


def _opened(view: RunView) -> str:
    """What a row opens."""
    where = f'<p class="lead">{escape(view.folder)}</p>'
    return f'<div class="opened">{where}{_bodies(view.sections)}</div>'


def _bodies(sections: Sequence[Section]) -> str:
    return "".join(
        f"<section><h3>{escape(section.title)}</h3>{section_body(section)}</section>" for section in sections
    )


def _folded(title: str, inside: str) -> str:
    return f'<details class="fold"><summary>{escape(title)}</summary>{inside}</details>'

"""Rows of runs as the table that a person reads: ours, chance, the paper, a verdict."""

import math
from collections.abc import Iterable, Sequence

from internvideo_pl.tables.paper import benchmark
from internvideo_pl.tables.protocol import unlike_fields
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.table import Bar, Cell, Column, Table, interval, number
from internvideo_pl.tables.verdict import (
    RATES,
    SIDES,
    against_chance,
    against_paper,
    best,
    bounds,
    metric_parts,
    short_name,
)

_DIRECTIONS = {"t2v": "text to video", "v2t": "video to text", "left": "left hand", "right": "right hand"}
_VARIANTS = {
    "dsl": "dual softmax",
    "closed": "known classes",
    "max_probability": "by largest probability",
    "energy": "by energy",
    "thresholded": "at one threshold",
    "release_threshold": "at the release's threshold",
}
_NAMES = {
    "acc": "accuracy",
    "acc_in_vocab": "accuracy in vocabulary",
    "top1": "top-1",
    "top5": "top-5",
    "mean_class": "mean class accuracy",
    "explained": "contrast explained",
}
_SHARES = ("top", "acc", "R@", "mAP", "AUROC", "mean_class", "explained", "avg_mAP")  # end at 100
INTERVAL = "95 % interval"
MISSING_NAMED = 3  # missing videos that a note names


def benchmark_table(rows: Sequence[Row], title: str, notes: Iterable[str] = (), all_metrics: bool = False) -> Table:
    """One line a row: model, task, metric, ours, chance, above chance, the paper's figure, verdict.

    The best of several rows with one protocol and one headline is marked. The paper's columns are left out where no row
    can be compared with it (miniatures, tasks outside its benchmarks), those of chance where no row knows it.

    Args:
        rows: Rows in the order in which they are shown.
        title: What the table shows.
        notes: Sentences of the caller, printed first under the table.
        all_metrics: Also a line for each further metric whose chance level is known.
    """
    winners = {id(row) for group in _alike(rows) if len(group) > 1 for row in best(group)}
    lines = [
        _line(row, metric, marked=metric == row.headline and id(row) in winners)
        for row in rows
        for metric in (_shown(row) if all_metrics else [row.headline])
    ]
    table = Table(
        title,
        [
            Column("model", once=True),
            Column("task", once=True),
            Column("metric"),
            Column("ours", number=True),
            Column(INTERVAL, number=True),
            Column("chance", number=True),
            Column("above chance", number=True),
            Column("paper", number=True),
            Column("verdict"),
        ],
        lines,
        [*notes, *_spread_notes(rows), *_unlike_notes(rows), *_coverage_notes(rows), *_mini_note(rows)],
    )
    if not any(row.intervals for row in rows):
        table = table.without(INTERVAL)
    if all(row.benchmark is None or row.mini for row in rows):
        table = table.without("paper").without("verdict")
    if not any(row.chance for row in rows):
        table = table.without("chance").without("above chance")
    return table


def metric_words(metric: str) -> str:
    """A metric's name as a table prints it: "text to video R@1, dual softmax" for "dsl/t2v/R@1"."""
    parts = metric_parts(metric)
    name = _NAMES.get(parts[-1], parts[-1])
    direction = next((_DIRECTIONS[part] for part in parts if part in _DIRECTIONS), None)
    variant = next((_VARIANTS[part] for part in parts if part in _VARIANTS), None)
    words = f"{direction} {name}" if direction else name
    return f"{words}, {variant}" if variant else words


def sampling_error(row: Row) -> float:
    """How far from the headline, in points, that of a model as good can lie on as many other videos, 19 times of 20."""
    rate = row.value / 100
    return 100 * SIDES * math.sqrt(2 * max(rate * (1 - rate), 0.0) / row.coverage.used)  # two independent shares


def _alike(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that may be ranked against each other, together."""
    groups: dict[tuple[str, str, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.fingerprint, row.headline, row.mini), []).append(row)
    return list(groups.values())


def _shown(row: Row) -> list[str]:
    """The headline, then the other metrics that have a chance level."""
    return [row.headline, *(name for name in row.chance if name != row.headline and name in row.metrics)]


def _line(row: Row, metric: str, marked: bool) -> list[Cell]:
    chance = against_chance(row, metric)
    is_headline = metric == row.headline
    paper = against_paper(row) if is_headline else None
    return [
        Cell(row.model),
        Cell(row.task.replace("_", " ")),
        Cell(metric_words(metric)),
        _ours(row, metric, marked),
        interval(row.intervals.get(metric)),
        number(row.chance.get(metric)),
        Cell(chance.text, raw=chance.difference, tone=chance.tone),
        _papers(row, paper.difference if paper else None),
        Cell(paper.text, tone=paper.tone or "muted") if paper else Cell(""),
    ]


def _ours(row: Row, metric: str, marked: bool) -> Cell:
    """The value, with its bounds where videos were missing and a bar where the metric ends at 100."""
    value = row.metrics[metric]
    plain = number(value)
    ends = bounds(row, metric)
    text = f"{plain.text} [{ends[0]:.1f}, {ends[1]:.1f}]" if ends else plain.text
    share = short_name(metric).startswith(_SHARES) and math.isfinite(value)
    bar = Bar(value, row.chance.get(metric)) if share else None
    return Cell(text, raw=plain.raw, best=marked, tone=plain.tone, bar=bar)


def _papers(row: Row, difference: float | None) -> Cell:
    """The paper's figure, only where the row was compared with it."""
    if difference is None or row.benchmark is None:
        return number(None)
    return number(benchmark(row.benchmark).paper[row.headline], digits=2)


def _spread_notes(rows: Sequence[Row]) -> list[str]:
    """How far apart ranked rates must lie before the difference means something, from the number of videos alone."""
    notes = []
    for group in _alike(rows):
        winners, used = best(group), min(row.coverage.used for row in group)
        if len(group) > 1 and winners and used and short_name(group[0].headline).startswith(RATES):
            points = sampling_error(winners[0])
            words = f"{group[0].task.replace('_', ' ')}, {metric_words(group[0].headline)}"
            notes.append(
                f"{words}: on {used:,} videos, differences of less than {points:.1f} points are within sampling error."
            )
    return notes


def _unlike_notes(rows: Sequence[Row]) -> list[str]:
    """That rows of one task are not ranked against each other, and what their protocols differ in."""
    groups: dict[tuple[str, str | None, str, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.task, row.benchmark, row.headline, row.mini), []).append(row)
    notes = []
    for (task, benchmark_id, headline, _), group in groups.items():
        fields = unlike_fields(row.protocol for row in group)
        if fields:
            where = f" on {benchmark_id}" if benchmark_id else ""
            notes.append(
                f"{task.replace('_', ' ')}{where}, {metric_words(headline)}: only rows of one protocol are ranked "
                f"against each other; here {'; '.join(fields)}."
            )
    return notes


def _coverage_notes(rows: Sequence[Row]) -> list[str]:
    notes = []
    for row in rows:
        cover = row.coverage
        if not cover.complete:
            named = ", ".join(cover.missing[:MISSING_NAMED])
            more = ", ..." if cover.official - cover.used > MISSING_NAMED else ""
            names = f" Missing: {named}{more}." if named else ""
            notes.append(
                f"{row.model}, {row.task.replace('_', ' ')}: {cover.used:,} of {cover.official:,} test videos were "
                f"read; in brackets the figure with the missing ones all wrong and all right.{names}"
            )
    return list(dict.fromkeys(notes))


def _mini_note(rows: Sequence[Row]) -> list[str]:
    if any(row.mini for row in rows):
        return ["Measured on the generated miniature: a check of the whole path, not a figure of the paper."]
    return []

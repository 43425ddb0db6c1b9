"""All experiments at a glance: what each reproduces, what the paper got, what we got, whether its data is here."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from internvideo_pl.tables.benchmark import metric_words
from internvideo_pl.tables.paper import Benchmark, benchmark
from internvideo_pl.tables.protocol import PAPER_PROTOCOLS, differences
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.table import Cell, Column, Table, number
from internvideo_pl.tables.verdict import best


@dataclass(frozen=True)
class Entry:
    """One experiment.

    Attributes:
        name: Its path below `experiments/`, without the suffix.
        benchmark: The paper's benchmark that it is measured on, or None.
        data_here: Whether what it reads is on this machine.
        task: What it does, for an experiment without a benchmark; a benchmark's own task otherwise.
    """

    name: str
    benchmark: str | None
    data_here: bool
    task: str = ""


def listing(entries: Sequence[Entry], rows: Sequence[Row], notes: Iterable[str] = ()) -> Table:
    """One line an experiment, those of the paper's benchmarks first, in the paper's order."""
    lines = [_line(entry, [row for row in rows if row.experiment == entry.name]) for entry in _ordered(entries)]
    heads = [
        Column("experiment"),
        Column("no.", number=True),
        Column("task"),
        Column("metric"),
        Column("paper", number=True),
        Column("ours", number=True),
        Column("data"),
    ]
    return Table("Experiments", heads, lines, [*_notes(entries), *notes])


def listing_json(entries: Sequence[Entry], rows: Sequence[Row]) -> str:
    """The listing for scripts: a JSON list of objects `name, benchmark, n, task, metric, paper, ours, data`.

    `paper` and `ours` are the benchmark's headline (text to video for retrieval), null where there is none. A number
    of a miniature is not ours in this sense, nor is one measured under another protocol than the paper's.
    """
    return json.dumps([_record(entry, rows) for entry in _ordered(entries)], indent=2)


def _record(entry: Entry, rows: Sequence[Row]) -> dict[str, str | float | int | bool | None]:
    found = benchmark(entry.benchmark) if entry.benchmark else None
    ours = _best([row for row in rows if row.experiment == entry.name and not row.mini], found)
    return {
        "name": entry.name,
        "benchmark": entry.benchmark,
        "n": found.n if found else None,
        "task": found.task if found else entry.task,
        "metric": found.metric if found else None,
        "paper": found.paper[found.headline] if found else None,
        "ours": ours.value if ours else None,
        "data": entry.data_here,
    }


def _line(entry: Entry, rows: Sequence[Row]) -> list[Cell]:
    found = benchmark(entry.benchmark) if entry.benchmark else None
    return [
        Cell(entry.name),
        Cell(str(found.n), raw=found.n) if found else Cell("-", tone="muted"),
        Cell((found.task if found else entry.task).replace("_", " ")),
        Cell(metric_words(found.headline) if found else "-", tone="" if found else "muted"),
        number(found.paper[found.headline], digits=2) if found else number(None),
        _ours(rows, found),
        Cell("here", tone="good") if entry.data_here else Cell("not here", tone="muted"),
    ]


def _ours(rows: Sequence[Row], found: Benchmark | None) -> Cell:
    """Our best comparable figure; else the miniature's, said to be one; else how many rows there are."""
    real = _best([row for row in rows if not row.mini], found)
    if real:
        return number(real.value, digits=2)
    mini = _best([row for row in rows if row.mini], found)
    if mini:
        return Cell(f"mini {mini.value:.1f}", tone="muted")
    if rows:
        return Cell(f"{len(rows)} rows" if len(rows) > 1 else "1 row", tone="muted")
    return number(None)


def _best(rows: Sequence[Row], found: Benchmark | None) -> Row | None:
    """The best row of those that can be ranked: real ones of the paper's protocol, or all if all are alike."""
    if found:
        wanted = PAPER_PROTOCOLS[found.id]
        rows = [r for r in rows if r.headline == found.headline and (r.mini or not differences(r.protocol, wanted))]
    elif len({(row.fingerprint, row.headline) for row in rows}) > 1:
        return None
    return next(iter(best(rows)), None)


def _ordered(entries: Sequence[Entry]) -> list[Entry]:
    last = 1 + max((benchmark(entry.benchmark).n for entry in entries if entry.benchmark), default=0)
    return sorted(entries, key=lambda e: (benchmark(e.benchmark).n if e.benchmark else last, e.name))


def _notes(entries: Sequence[Entry]) -> list[str]:
    numbers = {benchmark(entry.benchmark).n for entry in entries if entry.benchmark}
    here = sum(entry.data_here for entry in entries)
    covered = f", {len(numbers)} of the paper's benchmarks" if numbers else ""
    return [
        f"{len(entries)} experiments{covered}; the data of {here} are here. Any runs without its data on a generated "
        "miniature: make experiment NAME=<experiment> MINI=1"
    ]

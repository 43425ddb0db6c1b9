"""The paper's tables with our rows under its own: figure, difference, and why a row is not set beside it."""

from collections.abc import Callable, Iterable, Sequence

from internvideo_pl.errors import UserError, hint
from internvideo_pl.tables.comparable import best_of_each, dividing_fields, protocol_words
from internvideo_pl.tables.cost import cost_table
from internvideo_pl.tables.paper import CLOSED_SET, Benchmark, paper
from internvideo_pl.tables.protocol import PAPER_PROTOCOLS, differences, unlike_fields
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.seeds import Result, results
from internvideo_pl.tables.table import Cell, Column, Table, interval, number
from internvideo_pl.tables.verdict import NOT_RUN, Verdict, against_paper, bounds

Figure = tuple[str, str]  # a benchmark and the metric of it that a column holds

TITLES = {
    "1": "Table 1: pretraining data",
    "2": "Table 2: action recognition on Kinetics, top-1",
    "3": "Table 3: action recognition, top-1",
    "4": "Table 4: temporal localisation, average mAP",
    "5": "Table 5: spatio-temporal localisation, mAP@0.5",
    "6": "Table 6: video retrieval after fine-tuning, R@1 with dual softmax",
    "7": "Table 7: video question answering, top-1 within the vocabulary",
    "open_set": "Open-set recognition, AUROC and closed-set top-1",
    "navigation": "Navigation, R2R-CE val-unseen",
    "overview": "Figure 1: the 39 benchmarks",
    "cost": "Training cost",
}

# Columns of the printed tables whose names are not a benchmark's id.
_SETS = ("msrvtt", "msvd", "lsmdc", "activitynet", "didemo", "vatex")
_FIGURES: dict[str, Figure] = {
    **{f"{name}_{way}": (f"{name}_ret", f"dsl/{way}/R@1") for name in _SETS for way in ("t2v", "v2t")},
    "ucf101_hmdb51_auroc": ("ucf101_hmdb51", "AUROC"),
    "ucf101_mitv2_auroc": ("ucf101_mitv2", "AUROC"),
    "closed_set_top1": ("ucf101_hmdb51", CLOSED_SET),
    **{name: ("vlnce_r2r", name) for name in ("TL", "NE", "OSR", "SR", "SPL", "nDTW")},
}
BOUNDS, INTERVAL, PROTOCOL = "bounds", "95 % interval", "protocol"
_WORDS = ("params", "head")  # columns that hold words


def printed_table(name: str, rows: Sequence[Row]) -> Table:
    """One of the paper's tables, by its number or name.

    Only rows on real data and of the paper's protocol stand in it; every other one is named in a note with what
    differs, and never ranked.

    Raises:
        UserError: The paper has no such table.
    """
    if name not in TITLES:
        raise UserError(f"There is no table {name!r}; T= is one of {', '.join(TITLES)}, or all.{hint(name, TITLES)}")
    special: dict[str, Callable[[Sequence[Row]], Table]] = {
        "1": lambda _: _data(),
        "3": _benchmarks_of_table_3,
        "overview": lambda given: _benchmarks(TITLES["overview"], list(paper().benchmarks.values()), given),
        "cost": cost_table,
    }
    return special[name](rows) if name in special else _printed(name, rows)


def table_figures(name: str) -> list[Figure | None]:
    """What each column of a printed table holds; None for words."""
    heads = paper().tables[name].columns
    return [None if head in _WORDS else _named(_FIGURES.get(head, (head, ""))) for head in heads]


def _printed(name: str, rows: Sequence[Row]) -> Table:
    table, wanted = paper().tables[name], table_figures(name)
    lines = [[Cell(str(line[0])), *map(_cell, line[1:])] for line in table.rows]
    ids = list(dict.fromkeys(figure[0] for figure in wanted if figure))
    mine = [row for row in rows if row.benchmark in ids]
    ours, notes = results(mine), []
    for model in dict.fromkeys(found.row.model for found in ours):
        of_model = [found for found in ours if found.row.model == model]
        columns = [best_of_each(of_model, *figure) if figure else [] for figure in wanted]
        for words, placed in _placed(columns).items():
            label = f"ours: {model}, {words}" if words else f"ours: {model}"
            lines += _our_lines(label, list(zip(wanted, placed, strict=True)))
        notes += [_unlike(model, figure[0], found) for figure, found in zip(wanted, columns, strict=True) if figure]
    heads = [Column(head.replace("_", " "), number=head not in _WORDS) for head in table.columns]
    notes = [*_said(ids), *filter(None, dict.fromkeys(notes)), *_interval_notes(ours), *_refused(mine)]
    return Table(TITLES[name], [Column("model"), *heads], lines, notes)


def _placed(columns: Sequence[Sequence[Result]]) -> dict[str, list[Result | None]]:
    """The columns' results on lines of one protocol each, by that protocol's words."""
    fields = dividing_fields(columns)
    lines: dict[str, list[Result | None]] = {}
    for i, column in enumerate(columns):
        for one in column:
            lines.setdefault(protocol_words(one.row, fields), [None] * len(columns))[i] = one
    return lines


def _said(ids: Sequence[str]) -> list[str]:
    """Where the sources of the paper's figures disagree."""
    found = [paper().benchmarks[name] for name in ids]
    return [f"The paper on {each.id}: {each.note}." for each in found if each.note]


def _named(figure: Figure) -> Figure:
    """A figure with its metric; a benchmark's headline where the column names none."""
    benchmark, metric = figure
    return benchmark, metric or paper().benchmarks[benchmark].headline


def _cell(value: object) -> Cell:
    return (
        number(float(value), digits=2) if isinstance(value, int | float) else Cell("-" if value is None else str(value))
    )


def _our_lines(label: str, placed: Sequence[tuple[Figure | None, Result | None]]) -> list[list[Cell]]:
    """What a model reached, column by column; below it bounds and interval where there are any, the difference from
    the paper, chance and the verdict.
    """

    def line(name: str, cell: Callable[[Result | None, str], Cell]) -> list[Cell]:
        return [Cell(name), *(Cell("") if figure is None else cell(found, figure[1]) for figure, found in placed)]

    spread = [line(BOUNDS, _bounds), line(INTERVAL, _interval)]
    return [
        line(label, _our_cell),
        *(cells for cells in spread if any(cell.text not in ("", "-") for cell in cells[1:])),
        line("difference", _difference),
        line("chance", lambda found, metric: number(found.row.chance.get(metric) if found else None)),
        line("verdict", _verdict),
    ]


def _difference(found: Result | None, metric: str) -> Cell:
    difference = against_paper(found.row, metric).difference if found else None
    return number(None) if difference is None else Cell(f"{difference:+.2f}", raw=difference)


def _verdict(found: Result | None, metric: str) -> Cell:
    verdict = against_paper(found.row, metric) if found else NOT_RUN
    return Cell(verdict.text, tone=verdict.tone or "muted")


def _our_cell(found: Result | None, metric: str) -> Cell:
    if found is None:
        return number(None)
    value = number(found.row.metrics[metric], digits=2)
    return Cell(value.text, raw=value.raw, tone=against_paper(found.row, metric).tone)


def _bounds(found: Result | None, metric: str) -> Cell:
    return interval(bounds(found.row, metric) if found else None)


def _interval(found: Result | None, metric: str) -> Cell:
    return interval(found.intervals.get(metric) if found else None)


def _unlike(model: str, benchmark: str, found: Sequence[Result]) -> str:
    """That lines of one model are of unlike protocols, and in what; "" where there is one."""
    if len(found) < 2:
        return ""
    fields = "; ".join(unlike_fields(one.row.protocol for one in found))
    return f"{model} on {benchmark}: {len(found)} protocols, which are not ranked against each other: {fields}."


def _interval_notes(found: Iterable[Result]) -> list[str]:
    """What the brackets mean, where there are any."""
    shown = [one for one in found if not one.row.mini]
    notes = []
    if any(one.intervals for one in shown):
        notes.append(
            "95 % interval: of the mean over seeds where an experiment ran with several (Student's t), over test "
            "videos where it ran once (bootstrap)."
        )
    if not all(one.row.coverage.complete for one in shown):
        notes.append(
            "Bounds: the figure with all missing test videos wrong and with all right, where a metric has them."
        )
    return notes


def _refused(rows: Sequence[Row]) -> list[str]:
    """One sentence a row that is left out for its protocol, one for all miniatures."""
    notes = []
    for row in rows:
        unlike = [] if row.mini or row.benchmark is None else differences(row.protocol, PAPER_PROTOCOLS[row.benchmark])
        if unlike:
            notes.append(f"{row.experiment} ({row.model}) is not set beside the paper: {'; '.join(unlike)}.")
    minis = sum(row.mini for row in rows)
    if minis:
        notes.append(f"{minis} rows of miniatures are left out: they check the path and are no figures of the paper.")
    return list(dict.fromkeys(notes))


def _benchmarks_of_table_3(rows: Sequence[Row]) -> Table:
    return _benchmarks(TITLES["3"], [each for each in paper().benchmarks.values() if each.table == 3], rows)


def _benchmarks(title: str, benchmarks: Sequence[Benchmark], rows: Sequence[Row]) -> Table:
    """A line for each benchmark and protocol: previous best, the paper, ours and how sure it is, difference, chance,
    verdict.
    """
    heads = [
        Column("no.", number=True, once=True),
        Column("benchmark", once=True),
        Column("metric", once=True),
        *(Column(head, number=True) for head in ("before", "paper", "ours", BOUNDS, INTERVAL, "difference", "chance")),
        Column("over"),
        Column(PROTOCOL),
        Column("verdict"),
    ]
    ids = [each.id for each in benchmarks]
    mine = [row for row in rows if row.benchmark in ids]
    every = results(mine)
    lines: list[list[Cell]] = []
    notes: list[str] = []
    shown: list[Result] = []
    for each in benchmarks:
        judged = [one for one in every if one.row.headline == each.headline]
        found = best_of_each(judged, each.id, each.headline)
        fields = dividing_fields([found])
        lines += [_benchmark_line(each, one, fields) for one in found] or [_benchmark_line(each, None)]
        notes.append(_unlike("ours", each.id, found))
        shown += found
    notes = [*_said(ids), *filter(None, notes), *_interval_notes(shown), *_refused(mine)]
    table = Table(title, heads, lines, notes)
    for name in (BOUNDS, PROTOCOL):
        place = [head.name for head in heads].index(name)
        if all(line[place].text in ("", "-") for line in lines):
            table = table.without(name)
    return table


def _benchmark_line(benchmark: Benchmark, found: Result | None, fields: Sequence[str] = ()) -> list[Cell]:
    metric, row = benchmark.headline, found.row if found else None
    verdict: Verdict = against_paper(row) if row else NOT_RUN
    return [
        Cell(str(benchmark.n), raw=benchmark.n),
        Cell(benchmark.id),
        Cell(metric),
        number(benchmark.previous.get(metric), digits=2),
        number(benchmark.paper[metric], digits=2),
        number(row.value if row else None, digits=2),
        _bounds(found, metric),
        _interval(found, metric),
        Cell(f"{verdict.difference:+.2f}", raw=verdict.difference) if verdict.difference is not None else number(None),
        number(row.chance.get(metric) if row else None),
        Cell(found.spread if found and found.intervals.get(metric) else ""),
        Cell(protocol_words(row, fields) if row else ""),
        Cell(verdict.text, tone=verdict.tone or ("muted" if verdict is NOT_RUN else "")),
    ]


def _data() -> Table:
    """Table 1 as printed: what the paper pretrained on."""
    entries = paper().pretraining_data
    heads = list(entries[0])
    lines = [[_whole(entry[head]) for head in heads] for entry in entries]
    return Table(TITLES["1"], [Column(head, number=head in ("clips", "frames", "stride")) for head in heads], lines)


def _whole(value: object) -> Cell:
    return Cell(f"{value:,}", raw=value) if isinstance(value, int) else Cell(str(value))

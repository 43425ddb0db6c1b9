"""The paper's tables with our rows under its own: figure, difference, and why a row is not set beside it."""

from collections.abc import Callable, Sequence

from internvideo_pl.errors import UserError, hint
from internvideo_pl.tables.cost import cost_table
from internvideo_pl.tables.paper import Benchmark, paper
from internvideo_pl.tables.protocol import PAPER_PROTOCOLS, differences
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.table import Cell, Column, Table, number
from internvideo_pl.tables.verdict import NOT_RUN, Verdict, against_paper, best

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
    "closed_set_top1": ("ucf101_hmdb51", "closed_set_top1"),
    **{name: ("vlnce_r2r", name) for name in ("TL", "NE", "OSR", "SR", "SPL", "nDTW")},
}
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


def reproduced(rows: Sequence[Row]) -> list[str]:
    """Benchmarks whose best comparable row agrees with the paper."""
    found = ((each, _comparable(rows, each.id, each.headline)) for each in paper().benchmarks.values())
    return [each.id for each, good in found if good and against_paper(best(good)[0]).text.startswith("reproduced")]


def _printed(name: str, rows: Sequence[Row]) -> Table:
    table = paper().tables[name]
    figures = [None if head in _WORDS else _FIGURES.get(head, (head, "")) for head in table.columns]
    wanted = [None if figure is None else _named(figure) for figure in figures]
    lines = [[Cell(str(line[0])), *map(_cell, line[1:])] for line in table.rows]
    ours = [row for row in rows if row.benchmark in {figure[0] for figure in wanted if figure}]
    for model in dict.fromkeys(row.model for row in ours):
        mine = [row for row in ours if row.model == model]
        cells = [Cell("") if figure is None else _our_cell(mine, *figure) for figure in wanted]
        if any(cell.raw is not None for cell in cells):
            lines.append([Cell(f"ours: {model}"), *cells])
    heads = [Column(head.replace("_", " "), number=head not in _WORDS) for head in table.columns]
    return Table(TITLES[name], [Column("model"), *heads], lines, _refused(ours))


def _named(figure: Figure) -> Figure:
    """A figure with its metric; a benchmark's headline where the column names none."""
    benchmark, metric = figure
    return benchmark, metric or paper().benchmarks[benchmark].headline


def _cell(value: object) -> Cell:
    return (
        number(float(value), digits=2) if isinstance(value, int | float) else Cell("-" if value is None else str(value))
    )


def _our_cell(rows: Sequence[Row], benchmark: str, metric: str) -> Cell:
    good = _comparable(rows, benchmark, metric)
    if not good:
        return number(None)
    top = max(good, key=lambda row: row.metrics[metric])
    target = paper().benchmarks[benchmark].paper.get(metric)
    value = top.metrics[metric]
    if target is None:
        return number(value, digits=2)
    tone = against_paper(top).tone if metric == top.headline else ""
    return Cell(f"{value:.2f} ({value - target:+.2f})", raw=value, tone=tone)


def _comparable(rows: Sequence[Row], benchmark: str, metric: str) -> list[Row]:
    """Rows on the benchmark's real data and of the paper's protocol that have the metric."""
    return [
        row
        for row in rows
        if row.benchmark == benchmark
        and not row.mini
        and metric in row.metrics
        and not differences(row.protocol, PAPER_PROTOCOLS[benchmark])
    ]


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
    """One line a benchmark: previous best, the paper, ours, difference, chance, verdict."""
    heads = [
        Column("no.", number=True),
        Column("benchmark"),
        Column("metric"),
        *(Column(head, number=True) for head in ("before", "paper", "ours", "difference", "chance")),
        Column("verdict"),
    ]
    lines = [_benchmark_line(each, rows) for each in benchmarks]
    ids = {each.id for each in benchmarks}
    return Table(title, heads, lines, _refused([row for row in rows if row.benchmark in ids]))


def _benchmark_line(benchmark: Benchmark, rows: Sequence[Row]) -> list[Cell]:
    metric = benchmark.headline
    good = [row for row in _comparable(rows, benchmark.id, metric) if row.headline == metric]
    top = next(iter(best(good)), None)
    verdict: Verdict = against_paper(top) if top else NOT_RUN
    return [
        Cell(str(benchmark.n), raw=benchmark.n),
        Cell(benchmark.id),
        Cell(metric),
        number(benchmark.previous.get(metric), digits=2),
        number(benchmark.paper[metric], digits=2),
        number(top.value if top else None, digits=2),
        Cell(f"{verdict.difference:+.2f}", raw=verdict.difference) if verdict.difference is not None else number(None),
        number(top.chance.get(metric) if top else None),
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

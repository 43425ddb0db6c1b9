"""The numbers that InternVideo's paper and release print, as data (`paper.yaml`).

Rates are percentages, as printed. A figure bears the name that a run's metric gives it, variant included, so that a row
and the paper meet by name: retrieval figures are those with dual softmax (`dsl/t2v/R@1`, text to video), as the authors
say of their release, and question answering drops answers outside the vocabulary (`acc_in_vocab`), as their code does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from internvideo_pl.errors import UserError, hint

PAPER_FILE = Path(__file__).with_name("paper.yaml")
CLOSED_SET = "closed/top1"  # a run's name of what open-set recognition gets right of the known classes
RETRIEVAL_FIGURES = ("R@1", "R@5", "R@10", "MedR", "MeanR")  # the order of the release's retrieval tables


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of the paper.

    Attributes:
        n: Its number, 1 to 39; 40 is the paper's extra zero-shot recognition.
        id: Short name, e.g. "k400".
        task: What is predicted.
        metric: The metric as the paper names it.
        group: "action", "language", "zero_shot" or "open_world".
        table: The paper's table; None when only its overview figure or the release prints it.
        paper: InternVideo's figures by a run's metric name; the headline comes first.
        previous: The best figures before it, likewise.
        note: Where sources disagree; "" otherwise.
        more: Everything else that is printed (head, previous method, released sizes).
    """

    n: int
    id: str
    task: str
    metric: str
    group: str
    table: int | None
    paper: Mapping[str, float] = field(hash=False)
    previous: Mapping[str, float] = field(hash=False)
    note: str = ""
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def headline(self) -> str:
        """The metric that the benchmark is judged by, as a run names it."""
        return next(iter(self.paper))


@dataclass(frozen=True)
class PaperTable:
    """One printed table: `rows` are a model's name and its cells, one a column, None where nothing is printed."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Paper:
    """Everything that is compared with.

    Attributes:
        source: Where the figures come from.
        benchmarks: By id, in the order of their numbers.
        tables: Further printed rows, by the table's number or name.
        training_cost: The paper's cost figures (A100-hours, TPUv4-hours, per cent).
        pretraining_data: Table 1, one mapping a source.
    """

    source: str
    benchmarks: Mapping[str, Benchmark]
    tables: Mapping[str, PaperTable]
    training_cost: Mapping[str, float]
    pretraining_data: tuple[Mapping[str, Any], ...]


@cache
def paper() -> Paper:
    """The paper's numbers, read once."""
    raw = yaml.safe_load(PAPER_FILE.read_text(encoding="utf-8"))
    benchmarks = [_benchmark(entry) for entry in raw["benchmarks"]]
    tables = {
        str(name): PaperTable(tuple(table["columns"]), tuple(tuple(row) for row in table["rows"]))
        for name, table in raw["tables"].items()
    }
    return Paper(
        source=raw["source"],
        benchmarks={benchmark.id: benchmark for benchmark in benchmarks},
        tables=tables,
        training_cost=raw["training_cost"],
        pretraining_data=tuple(raw["pretraining_data"]),
    )


def benchmark(name: str) -> Benchmark:
    """A benchmark by its id.

    Raises:
        UserError: there is none of that name.
    """
    benchmarks = paper().benchmarks
    if name not in benchmarks:
        raise UserError(f"The paper has no benchmark {name!r}.{hint(name, benchmarks)}")
    return benchmarks[name]


def _benchmark(entry: dict[str, Any]) -> Benchmark:
    """One entry of `paper.yaml`, its figures named as a run names them."""
    entry = dict(entry)
    fixed = {key: entry.pop(key) for key in ("n", "id", "task", "metric", "group")}
    table, note = entry.pop("table", None), entry.pop("note", "")
    if "t2v" in entry:
        figures = {
            f"dsl/{way}/{name}": value
            for way in ("t2v", "v2t")
            for name, value in zip(RETRIEVAL_FIGURES, entry.pop(way), strict=True)
        }
        previous = {f"dsl/{way}/R@1": entry.pop(f"previous_{way}") for way in ("t2v", "v2t")}
    else:
        figures = {fixed["metric"]: entry.pop("internvideo")}
        if "closed_set_top1" in entry:
            figures[CLOSED_SET] = entry.pop("closed_set_top1")
        previous = {fixed["metric"]: entry.pop("previous")} if "previous" in entry else {}
    return Benchmark(**fixed, table=table, paper=figures, previous=previous, note=note, more=entry)

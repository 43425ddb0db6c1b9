"""All figures of text-video retrieval side by side: both directions, plain and with dual softmax, chance, the paper."""

from collections.abc import Mapping, Sequence

from internvideo_pl.tables.paper import RETRIEVAL_FIGURES, benchmark
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.table import Cell, Column, Table, number

DIRECTIONS = {"t2v": "text to video", "v2t": "video to text"}
VARIANTS = {"": "plain", "dsl/": "dual softmax"}
TASK = "retrieval"


def retrieval_table(rows: Sequence[Row], title: str = "retrieval, all figures") -> Table | None:
    """Recalls in percent, median and mean rank from 1, of every row of retrieval; None where there is none.

    The paper's figures are those with dual softmax; a miniature has none beside it.
    """
    rows = [row for row in rows if row.task == TASK]
    if not rows:
        return None
    columns = [Column("model", once=True), Column("direction", once=True), Column("scores")]
    columns += [Column(name, number=True) for name in RETRIEVAL_FIGURES]
    lines = [line for row in rows for way in DIRECTIONS for line in _lines(row, way)]
    return Table(title, columns, lines, _notes(rows))


def _lines(row: Row, way: str) -> list[list[Cell]]:
    lines = [_line(row, way, words, row.metrics, f"{variant}{way}/") for variant, words in VARIANTS.items()]
    if row.benchmark is not None and not row.mini:
        lines.append(_line(row, way, "dual softmax, the paper", benchmark(row.benchmark).paper, f"dsl/{way}/"))
    return lines


def _line(row: Row, way: str, words: str, figures: Mapping[str, float], prefix: str) -> list[Cell]:
    numbers = [number(figures.get(prefix + name)) for name in RETRIEVAL_FIGURES]
    return [Cell(row.model), Cell(DIRECTIONS[way]), Cell(words), *numbers]


def _notes(rows: Sequence[Row]) -> list[str]:
    ties = {str(row.protocol.get("ties")) for row in rows}
    galleries = sorted({int(row.protocol.get("gallery", row.coverage.official)) for row in rows})
    chance = ", ".join(f"{100 / gallery:.2f} of {gallery:,}" for gallery in galleries)
    return [
        "Dual softmax looks at all queries of the test set at once: its figures are transductive.",
        f"Chance at R@1: {chance} videos. Equal scores: {' and '.join(sorted(ties))}; by the reference's rule, as "
        "compat/, in the row.",
    ]

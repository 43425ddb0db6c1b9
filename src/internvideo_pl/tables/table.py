"""A table before it is drawn: columns, cells with their meaning, notes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A value drawn as a length, with a tick where chance lies; all in the unit of `limit`."""

    value: float
    chance: float | None = None
    limit: float = 100.0


@dataclass(frozen=True)
class Cell:
    """One entry of a table.

    Attributes:
        text: As it is printed.
        raw: The number behind the text at full precision, for files that machines read; None where there is none.
        best: Whether it is the best of its kind, to be marked.
        tone: "good", "bad", "muted" or "".
        bar: A length to draw beside the text where a drawing is possible.
    """

    text: str
    raw: float | None = None
    best: bool = False
    tone: str = ""
    bar: Bar | None = None


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether it holds numbers (set to the right), whether equal neighbours are shown once."""

    name: str
    number: bool = False
    once: bool = False


@dataclass(frozen=True)
class Table:
    """Columns, rows of as many cells, and notes to be printed under them."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), "a row has not one cell a column"

    def without(self, name: str) -> "Table":
        """The table without one column."""
        keep = [i for i, column in enumerate(self.columns) if column.name != name]
        columns = [self.columns[i] for i in keep]
        return Table(self.title, columns, [[row[i] for i in keep] for row in self.rows], self.notes)

    def repeats(self, row: int, column: int) -> bool:
        """Whether a cell says what the one above it says, in a column that shows such a run once.

        A run ends where a column to the left of it begins a new one.
        """
        if row == 0 or not self.columns[column].once:
            return False
        return all(
            self.rows[row][i].text == self.rows[row - 1][i].text for i in range(column + 1) if self.columns[i].once
        )


def number(value: float | None, digits: int = 1) -> Cell:
    """A cell of a number: "-" for None, "undefined" for NaN, one more digit below 1."""
    if value is None:
        return Cell("-", tone="muted")
    if not math.isfinite(value):
        return Cell("undefined", tone="bad")
    digits += 0 < abs(value) < 1
    return Cell(f"{value:,.{digits}f}", raw=value)


def interval(ends: tuple[float, float] | None) -> Cell:
    """A cell of an interval, "[90.5, 91.1]"; "-" where there is none."""
    if ends is None or not all(map(math.isfinite, ends)):
        return Cell("-", tone="muted")
    return Cell(f"[{', '.join(number(end).text for end in ends)}]")

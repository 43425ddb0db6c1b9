"""What of a file a model takes, and what not: counted, shown as a table, and an error where too much is left over."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from internvideo_pl.errors import UserError

MATCHED = "matched"
RESHAPED = "reshaped"
FRESH = "missing, as it should be"
MISSING = "missing"
MISMATCHED = "of another shape"
LEFT_OUT = "unexpected, as it should be"
UNEXPECTED = "unexpected"
WIDE = 240  # letters of a line where no terminal sets a limit
# In the order of the table; the last three are what an error is about.
STATUSES = (MATCHED, RESHAPED, FRESH, LEFT_OUT, MISSING, MISMATCHED, UNEXPECTED)
FAULTS = (MISSING, MISMATCHED, UNEXPECTED)
OF_THE_FILE = (LEFT_OUT, UNEXPECTED)  # all others are counted among the model's tensors


@dataclass(frozen=True)
class Entry:
    """One tensor of the model or, when the model has no place for it, of the file.

    Attributes:
        name: Its name in the model or the file.
        status: One of `STATUSES`.
        count: Its values.
        why: The reason of what was done with it.
    """

    name: str
    status: str
    count: int
    why: str = ""


@dataclass(frozen=True)
class Row:
    """Tensors of the same status and reason.

    Attributes:
        status: One of `STATUSES`.
        why: Their reason.
        tensors: How many they are.
        parameters: Their values.
        per_cent: Of the model's values, or of the file's for what the model has no place for.
        first: The first one's name.
    """

    status: str
    why: str
    tensors: int
    parameters: int
    per_cent: float
    first: str


@dataclass
class Audit:
    """The comparison of a file with a model.

    Attributes:
        file: The file, in a person's words.
        source: What it was recognised as.
        model: The model, in a person's words.
        entries: One for each tensor.
    """

    file: str
    source: str
    model: str
    entries: list[Entry] = field(default_factory=list)

    def rows(self) -> list[Row]:
        """The table's rows, in the order of `STATUSES`."""
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            why = "" if entry.status == MISMATCHED else entry.why  # which is another one for each tensor
            groups.setdefault((entry.status, why), []).append(entry)
        ordered = sorted(groups, key=lambda group: STATUSES.index(group[0]))
        return [self._row(status, why, groups[status, why]) for status, why in ordered]

    def faults(self, status: str) -> list[Entry]:
        """The entries of one status."""
        return [entry for entry in self.entries if entry.status == status]

    @property
    def share(self) -> float:
        """How much fits, 0 .. 1: of the model's values or of the file's, whichever is less.

        What starts fresh or is left out as it should be counts as fitting.
        """
        taken = self._count(MATCHED, RESHAPED)
        model, file = self._count(*_model_statuses()), self._count(MATCHED, RESHAPED, *OF_THE_FILE, MISMATCHED)
        filled, used = taken + self._count(FRESH), taken + self._count(LEFT_OUT)
        return min(filled / model if model else 0.0, used / file if file else 0.0)

    def require(self, threshold: float) -> None:
        """Refuses a file that fits too little.

        Args:
            threshold: The least `share`; 1 allows no fault at all.

        Raises:
            UserError: It is below; the sentence counts the faults and names the first of each kind.
        """
        found = {status: self.faults(status) for status in FAULTS}
        if not any(found.values()) or (self.share >= threshold and threshold < 1):
            return
        told = [
            f"{_tensors(entries)} {status} ({_named(entries[0])} first)" for status, entries in found.items() if entries
        ]
        asked = (
            f"{100 * self.share:.2f} % fits and {100 * threshold:g} % is asked for" if threshold < 1 else "all must fit"
        )
        raise UserError(
            f"{self.file}, recognised as {self.source}, does not fit this {self.model}: {', '.join(told)}; {asked} "
            "(--threshold, weights.threshold)."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rows = [vars(row) for row in self.rows()]
        return {"file": self.file, "source": self.source, "model": self.model, "share": self.share, "rows": rows}

    def to_markdown(self) -> str:
        """The table as GitHub-flavoured Markdown."""
        heads = ("", "tensors", "parameters", "%", "", "first of them")
        lines = [f"### {self.file} ({self.source}) as {self.model}", "", _pipes(heads), "|---|---:|---:|---:|---|---|"]
        return "\n".join([*lines, *(_pipes(cells) for cells in self._cells())]) + "\n"

    def print(self, console: Console | None = None) -> None:
        """Draws the table on the terminal."""
        table = Table()
        for name, number in (("", False), ("tensors", True), ("parameters", True), ("%", True), ("", False)):
            table.add_column(name, justify="right" if number else "left")
        table.add_column("first of them", overflow="fold")
        for cells in self._cells():
            table.add_row(*map(Text, cells), style="red" if cells[0] in FAULTS else "")
        console = wide_console(console)
        console.print(f"{self.file} ({self.source}) as {self.model}", markup=False, highlight=False)
        console.print(table)

    def _cells(self) -> list[tuple[str, ...]]:
        numbers = ("tensors", "parameters")
        return [
            (row.status, *(f"{getattr(row, n):,}" for n in numbers), f"{row.per_cent:.2f}", row.why, row.first)
            for row in self.rows()
        ]

    def _row(self, status: str, why: str, entries: list[Entry]) -> Row:
        parameters = sum(entry.count for entry in entries)
        of_file = (MATCHED, RESHAPED, MISMATCHED, *OF_THE_FILE)
        whole = self._count(*(of_file if status in OF_THE_FILE else _model_statuses()))
        return Row(status, why, len(entries), parameters, 100 * parameters / max(whole, 1), entries[0].name)

    def _count(self, *statuses: str) -> int:
        return sum(entry.count for entry in self.entries if entry.status in statuses)


def wide_console(console: Console | None = None) -> Console:
    """The console itself, or the terminal; what goes into a file or a pipe has no width to respect."""
    console = console or Console()
    return console if console.is_terminal else Console(file=console.file, width=WIDE)


def _model_statuses() -> list[str]:
    return [status for status in STATUSES if status not in OF_THE_FILE]


def _tensors(entries: list[Entry]) -> str:
    return "1 tensor is" if len(entries) == 1 else f"{len(entries)} tensors are"


def _named(entry: Entry) -> str:
    return f"{entry.name}, {entry.why}" if entry.why else entry.name


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"

"""What a bench found: sections of rows with goals, shown on the terminal, kept as JSON, written into a page of docs."""

import dataclasses
import importlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from internvideo_pl.bench import BENCHES, Options
from internvideo_pl.bench.machine import describe
from internvideo_pl.errors import UserError, hint
from internvideo_pl.folders import project_root, results_folder
from internvideo_pl.tables.provenance import code_version, library_versions
from internvideo_pl.tables.render import print_table, to_markdown
from internvideo_pl.tables.table import Cell, Column, Table
from internvideo_pl.whole_file import write_whole

Value = str | int | float | None


@dataclass(frozen=True)
class Goal:
    """A figure that is wanted.

    Attributes:
        what: What is measured, in words.
        measured: The figure of this run.
        wanted: What it should be.
        at_most: Whether smaller is better; larger is, by default.
        noise: How far the measured figure may be off; a figure so near to the wanted one is neither reached nor missed.
    """

    what: str
    measured: float
    wanted: float
    at_most: bool = False
    noise: float = 0.0

    @property
    def reached(self) -> bool:
        """Whether the figure is at least (or at most) what is wanted."""
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted

    @property
    def verdict(self) -> str:
        """ "reached", "within noise" of it, or "not reached"."""
        if self.reached:
            return "reached"
        return "within noise" if abs(self.measured - self.wanted) <= self.noise else "not reached"


@dataclass(frozen=True)
class Section:
    """One table of a bench.

    Attributes:
        title: What is compared, with sizes and units where the columns do not say them.
        rows: One a contender, from column to figure; every row has the first one's columns, None where there is none.
        goals: What the figures should be.
        notes: How it was measured, and what a reader could misunderstand.
    """

    title: str
    rows: Sequence[dict[str, Value]]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()

    def tables(self) -> list[Table]:
        """The figures, and below them the goals if there are any."""
        figures = Table(self.title, _columns(self.rows), _cells(self.rows), self.notes)
        if not self.goals:
            return [figures]
        columns = [Column("goal"), Column("measured", number=True), Column("wanted", number=True), Column("verdict")]
        return [figures, Table(f"{self.title}: goals", columns, [_verdict(goal) for goal in self.goals])]


def run_benches(names: Sequence[str], options: Options, markdown: bool = False) -> None:
    """Runs benches, prints their sections as they come, and keeps them in `<results>/bench/<name>.json`.

    Args:
        names: Benches, in order. None for all of them; one that cannot run here is then left out, with a sentence.
        options: What is asked of every bench.
        markdown: Whether to write the tables into the page of `docs/` that has the bench's markers.

    Raises:
        UserError: There is no such bench, it cannot run here, or no page has its markers.
    """
    for name in names:
        if name not in BENCHES:
            raise UserError(f"There is no bench {name!r}.{hint(name, BENCHES)}")
    for name in names or BENCHES:
        try:
            _run(name, options, _page(name) if markdown else None)
        except UserError as error:
            if names:
                raise
            print(f"\n{name} is left out: {error}")


def _run(name: str, options: Options, page: Path | None) -> None:
    sections: list[Section] = []
    for section in importlib.import_module(BENCHES[name].module).run(options):
        sections.append(section)
        for table in section.tables():
            print_table(table)
        sys.stdout.flush()  # also when it goes to a file
        path = write_json(name, sections, options)  # after each section: a long bench may be interrupted
    print(f"\nkept in {path}")
    if page is not None:
        write_markdown(page, name, sections, options)
        print(f"written into {page}")


def command_of(name: str, options: Options) -> str:
    """What a person types to make these figures again."""
    default = Options()
    words = [f"make bench ONLY={name}"]
    words += ["ALL=1"] if options.everything else []
    words += [f"ROUNDS={options.rounds}"] if options.rounds != default.rounds else []
    words += [f"VIDEOS={options.videos.name}"] if options.videos else []
    return " ".join(words)


def write_json(name: str, sections: Sequence[Section], options: Options) -> Path:
    """Writes the sections with command, date, versions and machine to `<results>/bench/<name>.json`, as a whole."""
    content = {
        "bench": name,
        **_provenance(name, options),
        "versions": library_versions(),
        "sections": [
            {
                "title": section.title,
                "rows": list(section.rows),
                "goals": [dataclasses.asdict(goal) | {"verdict": goal.verdict} for goal in section.goals],
                "notes": list(section.notes),
            }
            for section in sections
        ],
    }
    path = results_folder() / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, indent=2) + "\n")
    return path


def write_markdown(page: Path, name: str, sections: Sequence[Section], options: Options) -> None:
    """Writes the sections between the bench's markers in a page, as a whole; the rest of the page stays."""
    found = _provenance(name, options)
    machine = ", ".join(f"{key} {value}" for key, value in found["machine"].items())
    lead = f"Measured with `{found['command']}` on {found['date'][:10]}, code {found['code']}: {machine}.\n"
    body = "\n".join([lead, *(to_markdown(table) for section in sections for table in section.tables())])
    start, end = _markers(name)
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(start, 1)
    after = rest.split(end, 1)[1]
    write_whole(page, f"{before}{start}\n{body}{end}{after}")


def _provenance(name: str, options: Options) -> dict[str, Any]:
    return {
        "command": command_of(name, options),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": code_version(),
        "machine": describe(),
    }


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- bench {name} -->", f"<!-- end of bench {name} -->"


def _page(name: str) -> Path:
    """The page of docs with the bench's markers."""
    both = re.compile(".*".join(map(re.escape, _markers(name))), re.DOTALL)
    for page in sorted((project_root() / "docs").glob("*.md")):
        if both.search(page.read_text(encoding="utf-8")):
            return page
    raise UserError(
        f"No page of docs/ has room for the bench {name!r}: put the lines {' and '.join(_markers(name))} into one."
    )


def _columns(rows: Sequence[dict[str, Value]]) -> list[Column]:
    assert all(row.keys() == rows[0].keys() for row in rows), "every row of a section has the same columns"
    names = list(rows[0]) if rows else []
    return [Column(name, number=not any(isinstance(row[name], str) for row in rows)) for name in names]


def _cells(rows: Sequence[dict[str, Value]]) -> list[list[Cell]]:
    return [[_cell(value) for value in row.values()] for row in rows]


def _cell(value: Value) -> Cell:
    if value is None:
        return Cell("-", tone="muted")
    return Cell(value) if isinstance(value, str) else Cell(_figure(value), raw=value)


def _figure(value: float) -> str:
    """Three digits that count, thousands apart."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _verdict(goal: Goal) -> list[Cell]:
    sign = "at most" if goal.at_most else "at least"
    tone = {"reached": "good", "not reached": "bad"}.get(goal.verdict, "")
    return [
        Cell(goal.what),
        Cell(_figure(goal.measured), raw=goal.measured),
        Cell(f"{sign} {_figure(goal.wanted)}", raw=goal.wanted),
        Cell(goal.verdict, tone=tone),
    ]

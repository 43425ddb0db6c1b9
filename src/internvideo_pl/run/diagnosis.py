"""What the doctor found, as a table, as JSON and as a file that names everything."""

import csv
import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from internvideo_pl.data.doctor.check import Check, Verdict, counted, worst
from internvideo_pl.errors import UserError
from internvideo_pl.tables.table import Cell, Column, Table
from internvideo_pl.whole_file import write_whole

NAMED = 3  # things that a line of the table names; the file names all
TONES = {"ok": "good", "warning": "", "fails": "bad"}
FINDINGS = "findings.csv"


@dataclass
class Diagnosis:
    """All checks of one experiment.

    Attributes:
        experiment: Its name.
        mini: Whether it is to run on its miniature.
        lines: What each check is about (a stage, a dataset, the machine), and the check.
        manifests: Where what is known of the datasets' files is kept.
    """

    experiment: str
    mini: bool
    lines: list[tuple[str, Check]] = field(default_factory=list)
    manifests: list[Path] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The most serious of all verdicts."""
        return worst(check.verdict for _, check in self.lines)

    @property
    def failures(self) -> list[str]:
        """The checks that keep the experiment from running, each with what it is about."""
        return [f"{about}, {check.name}" for about, check in self.lines if check.verdict == "fails"]

    @property
    def todo(self) -> list[str]:
        """What a person can do, the things without which nothing runs first; nothing twice."""
        ordered = sorted((line for line in self.lines if line[1].todo), key=lambda line: line[1].verdict != "fails")
        return list(dict.fromkeys(f"{about}, {check.name}: {check.todo}" for about, check in ordered))

    def table(self, findings: Path | None) -> Table:
        """One line a check; below, what to do.

        Args:
            findings: The file that names everything, if one was written.
        """
        heads = [Column("about", once=True), Column("check"), Column("verdict"), Column("found")]
        rows = [
            [Cell(about), Cell(check.name), Cell(check.verdict, tone=TONES[check.verdict]), Cell(_sentence(check))]
            for about, check in self.lines
        ]
        warnings = sum(check.verdict == "warning" for _, check in self.lines)
        can = "cannot run yet" if self.failures else "can run"
        notes = [f"{self.experiment} {can}; {counted(warnings, 'warning')}"]
        notes += [f"to do: {todo}" for todo in self.todo]
        notes += [f"everything by name: {findings}"] if findings else []
        notes += [f"known of the files from now on: {path}" for path in self.manifests]
        return Table(f"Doctor: {self.experiment}{' on its miniature' if self.mini else ''}", heads, rows, notes)

    def to_json(self, findings: Path | None) -> str:
        """The same for scripts."""
        checks: list[dict[str, Any]] = [{"about": about, **asdict(check)} for about, check in self.lines]
        return json.dumps(
            {
                "experiment": self.experiment,
                "mini": self.mini,
                "can_run": self.verdict != "fails",
                "checks": [check | {"items": list(check["items"])} for check in checks],
                "findings": str(findings) if findings else None,
                "manifests": [str(path) for path in self.manifests],
            },
            indent=2,
        )

    def write(self, folder: Path) -> Path | None:
        """Write every named thing to `findings.csv`, whole or not at all; None where there is nothing to name.

        Raises:
            UserError: The folder cannot be written.
        """
        rows = [(about, check.name, check.verdict, item) for about, check in self.lines for item in check.items]
        if not rows:
            return None
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("about", "check", "verdict", "item"), *rows])
        path = folder / FINDINGS
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.getvalue().encode(errors="surrogateescape"))
        except OSError as error:
            raise UserError(
                f"what was found cannot be written to {folder} ({error.strerror}); point INTERNVIDEO_CACHE to another "
                "folder"
            ) from error
        return path


def _sentence(check: Check) -> str:
    """What was found, with the first few things by name unless all is well."""
    if check.verdict == "ok" or not check.items:
        return check.found
    more = f"; {len(check.items) - NAMED:,} more" if len(check.items) > NAMED else ""
    return f"{check.found}: {'; '.join(check.items[:NAMED])}{more}"

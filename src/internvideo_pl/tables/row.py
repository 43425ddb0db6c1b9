"""The row that a run adds to the tables: what was measured, under which protocol, from what, at what cost.

A row is one JSON file, so that any number of runs can write into one folder and a table is only ever a reading of
files.
"""

import dataclasses
import hashlib
import json
import math
import os
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from internvideo_pl.errors import UserError
from internvideo_pl.tables.protocol import fingerprint
from internvideo_pl.tables.row_check import checked_fields

FORMAT = 3  # of the file; a later, incompatible one gets a higher number
BEFORE = 2  # a format that is still read: it had neither recipe nor intervals
SWEEPS = "sweeps"  # folder in results/ of sweeps: the best of many trials is no figure of an experiment
MEAN = "mean of "  # begins the split of a row that is the mean of other runs' rows
MISSING_SHOWN = 20  # names of missing videos that a row keeps


@dataclass(frozen=True)
class Coverage:
    """How much of the official list was evaluated.

    Attributes:
        used: Videos that were scored.
        official: Videos of the official list.
        missing: Names of the first 20 that were not scored.
    """

    used: int
    official: int
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing was missing."""
        return self.used == self.official


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model's numbers on one task.

    Attributes:
        experiment: Name of the experiment (its YAML's path).
        benchmark: The paper's benchmark, or None.
        model: What was evaluated, as a table prints it.
        task: What was predicted.
        mini: Whether the data were the miniature; such a row is never set beside the paper's number.
        metrics: Name to value in the paper's unit (rates in percent); `<name>/low` and `<name>/high` are bounds for
            missing videos. A value that is undefined is NaN.
        headline: The metric that the row is judged by.
        chance: What a model that knows nothing gets, for those metrics where that is known.
        protocol: Everything that decides the number besides the weights, in JSON's types.
        coverage: Videos scored of those in the official list.
        parents: Checkpoints that the model was made from: name to SHA-256.
        config_hash: SHA-256 of the resolved config.
        code_version: As `provenance.code_version`.
        seconds: Wall time of the run.
        gpu_hours: Hours times devices; 0 on a CPU.
        kwh: Energy, or None where it could not be measured.
        kwh_source: How `kwh` was measured or estimated; why not, where it is None.
        kg_co2: Carbon dioxide equivalent of that energy, or None.
        seed: The run's seed.
        recipe: The config's hash without the seed: rows that share it are one experiment run again; "" where unknown.
        intervals: 95 % interval of a metric over other test videos, from a bootstrap of this run's.
        devices: Words for the hardware, e.g. "2 CPU cores".
        versions: As `provenance.library_versions`.
        created: When the row was made, ISO 8601 with time zone.
        folder: Of its run, where the row was read; never written.
    """

    experiment: str
    benchmark: str | None
    model: str
    task: str
    mini: bool
    metrics: dict[str, float]
    headline: str
    chance: dict[str, float]
    protocol: dict[str, Any]
    coverage: Coverage
    parents: dict[str, str]
    config_hash: str
    code_version: str
    seconds: float
    gpu_hours: float
    kwh: float | None
    kwh_source: str
    kg_co2: float | None
    seed: int
    devices: str
    versions: dict[str, str]
    created: str
    recipe: str = ""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    folder: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        assert self.headline in self.metrics, f"{self.headline!r} is not among the metrics {sorted(self.metrics)}"

    @property
    def fingerprint(self) -> str:
        """The protocol's fingerprint: rows of one fingerprint may be ranked against each other."""
        return fingerprint(self.protocol, self.benchmark, self.task)

    @property
    def value(self) -> float:
        """The headline's value."""
        return self.metrics[self.headline]

    def to_json(self) -> str:
        """The row as a JSON object; NaN is written as null."""
        coverage = dataclasses.replace(self.coverage, missing=self.coverage.missing[:MISSING_SHOWN])
        content = dataclasses.asdict(dataclasses.replace(self, coverage=coverage))
        del content["folder"]
        content["metrics"] = {name: value if math.isfinite(value) else None for name, value in self.metrics.items()}
        content = {"format": FORMAT, "fingerprint": self.fingerprint, **content}
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The row of `to_json`.

        Raises:
            ValueError: not a row, a row of a later format, or one that was changed after it was written.
        """
        content = json.loads(text)
        written_as = content.pop("format", None) if isinstance(content, dict) else None
        if written_as not in (FORMAT, BEFORE):
            raise ValueError(f"not a row of format {FORMAT}")
        if written_as == BEFORE:
            content |= {"recipe": "", "intervals": {}}
        written = content.pop("fingerprint", None)
        known = {part.name for part in dataclasses.fields(cls)} - {"folder"}
        if content.keys() != known:
            raise ValueError(f"its fields differ from a row's in {', '.join(sorted(content.keys() ^ known))}")
        try:
            fields = checked_fields(content)
            row = cls(**{**fields, "coverage": Coverage(**fields["coverage"])})
        except (KeyError, TypeError, AttributeError, AssertionError, OverflowError) as error:
            raise ValueError(f"a field has not the shape of a row's ({error})") from error
        if row.fingerprint != written:
            raise ValueError("its protocol no longer has the fingerprint that it was written with")
        return row


def write_row(row: Row, folder: Path) -> Path:
    """Write a row into `folder` (made if absent) as `row-<words>-<hash>.json`.

    The name holds the content's hash, so parallel runs never collide; the file appears whole or not at all.

    Raises:
        UserError: the folder cannot be written, or it holds this very row already.
    """
    text = row.to_json()
    words = re.sub(r"[^a-z0-9.]+", "-", f"{row.experiment} {row.model} {row.task}".lower()).strip("-")[:80]
    path = folder / f"row-{words}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    temporary = folder / f".{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        temporary.write_text(text, encoding="utf-8")
        _publish(temporary, path)
    except FileExistsError:
        raise UserError(f"{path} is there already and rows are never overwritten; choose another folder.") from None
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read_rows(results: Path) -> tuple[list[Row], list[str]]:
    """All rows below `results`, oldest first, and one sentence for each file that is not a sound row.

    A damaged file does not hide the sound ones; the sentences belong under every table that is made from the rows.
    """
    found, problems = find_rows(results)
    return [row for _, row in found], problems


def find_rows(results: Path) -> tuple[list[tuple[Path, Row]], list[str]]:
    """As `read_rows`, each row with its file, in whose folder the rest of its run lies; none of a sweep's trials."""
    found, problems = [], []
    for path in sorted(results.rglob("row-*.json")):
        if path.relative_to(results).parts[0] == SWEEPS:
            continue
        try:
            row = Row.from_json(path.read_text(encoding="utf-8"))
            found.append((path, dataclasses.replace(row, folder=str(path.parent))))
        except (OSError, ValueError, OverflowError, RecursionError) as error:
            problems.append(_printable(f"{path} was left out: {error}."))
    return sorted(found, key=lambda pair: (pair[1].created, pair[1].experiment, pair[1].model)), problems


def _printable(sentence: str) -> str:
    """The sentence with what no text can hold written out: a damaged file, or its name, may have half a character."""
    return sentence.encode(errors="backslashreplace").decode()


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"The row cannot be written to {folder} ({error.strerror}); choose a results folder that is writable."
    )


def _publish(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless the name is taken."""
    try:
        os.link(temporary, path)  # fails where the name exists, unlike a rename
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: claim the name, then rename over the claim
        path.touch(exist_ok=False)
        os.replace(temporary, path)

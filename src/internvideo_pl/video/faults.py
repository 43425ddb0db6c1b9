"""Files that could not be read: the error that says why, and the ledger that remembers them."""

import csv
import io
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.whole_file import write_whole

NAMED_IN_ERROR = 3  # files that the budget's error names; the ledger names all


class DecodeError(Exception):
    """A file that gives no (or no trustworthy) frames.

    Attributes:
        path: the file, or where else the video lies (see `video.sources`).
        reason: why, in one line.
    """

    def __init__(self, path: str | os.PathLike, reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = " ".join(str(reason).split())
        super().__init__(str(path), self.reason)  # both, so that the error survives pickling between processes

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass
class Ledger:
    """The bad files of one run, each with its reason, and how many of them the run may bear.

    In training a bad file is recorded here and another takes its place, until more than `budget` of the files are bad;
    in evaluation nothing takes its place, and the ledger says what is missing.

    Attributes:
        total: files that the run reads.
        budget: share of them, 0 to 1, that may be bad before `record` stops the run; 1 never stops it.
        faults: reason by path, in the order of discovery.
    """

    total: int
    budget: float
    faults: dict[str, str] = field(default_factory=dict)

    def record(self, error: DecodeError) -> None:
        """Writes a file down once.

        Raises:
            UserError: this is one bad file too many.
        """
        self.faults.setdefault(str(error.path), error.reason)
        allowed = math.floor(self.budget * self.total)
        if len(self.faults) > allowed:
            raise UserError(
                f"{len(self.faults)} of {self.total} files cannot be read, and the budget of bad files allows "
                f"{allowed}: {self._named(NAMED_IN_ERROR)}. Repair or remove them, or raise the budget."
            )

    def merge(self, other: "Ledger") -> None:
        """Takes over what another process found, without judging it."""
        for path, reason in other.faults.items():
            self.faults.setdefault(path, reason)

    def summary(self) -> str:
        """Every bad file by name and reason, one a line under a heading; one line when there is none."""
        if not self.faults:
            return f"All {self.total} files could be read."
        lines = [f"  {path}: {reason}" for path, reason in self.faults.items()]
        return "\n".join([f"{len(self.faults)} of {self.total} files could not be read:", *lines])

    def write(self, path: str | os.PathLike) -> None:
        """Writes the faults as JSON or CSV, by the path's ending; the file appears whole or not at all."""
        path = Path(path)
        write_whole(path, self._csv() if path.suffix == ".csv" else self._json())

    def _json(self) -> str:
        faults = [{"path": path, "reason": reason} for path, reason in self.faults.items()]
        return json.dumps({"total": self.total, "bad": len(faults), "faults": faults}, indent=2) + "\n"

    def _csv(self) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("path", "reason"), *self.faults.items()])
        return text.getvalue()

    def _named(self, count: int) -> str:
        names = [f"{path} ({reason})" for path, reason in list(self.faults.items())[:count]]
        return "; ".join(names) + (" ..." if len(self.faults) > count else "")

"""`metrics.csv`: a row for whatever is logged at a step, on the disk at once.

Lightning's CSVLogger begins the file anew with every start; this one goes on where a checkpoint was taken.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from internvideo_pl.whole_file import replacing

METRICS = "metrics.csv"
Values = Mapping[str, Any]


class MetricsLog(Logger):
    """Columns may join later; the file is then written anew, whole. What is logged twice in a row is kept once.

    Args:
        folder: The run's folder.
        step: Optimiser steps that the run has behind it: rows of these are kept, later ones are about to be repeated.
    """

    def __init__(self, folder: Path, step: int = 0):
        super().__init__()
        self.path = folder / METRICS
        self.columns = ["step"]
        self.logged_until = -1  # the last step of which a start before this one has logged anything
        self.last: Values = {}
        self._keep(step)

    @property
    def name(self) -> str:
        """Of the logger, for Lightning."""
        return "metrics"

    @property
    def version(self) -> str:
        """There is one for each folder."""
        return ""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """They are in `config.yaml`."""

    @rank_zero_only
    def log_metrics(self, metrics: Values, step: int | None = None) -> None:
        """Append a row."""
        row = {"step": step, **metrics}
        if row == self.last:
            return
        self.last = row
        new = [name for name in row if name not in self.columns]
        if new or not self.path.exists():
            rows = self.read()
            self.columns += new
            self._write([*rows, row])
            return
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)

    def read(self) -> list[dict[str, Any]]:
        """The rows, as text; half a one at the end, which a killed process may leave, is left out."""
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            whole = [line for line in file if line.endswith("\n")]
        return list(csv.DictReader(whole))

    @rank_zero_only
    def _keep(self, step: int) -> None:
        """Drop what the run will log again."""
        rows = self.read()
        if rows:
            self.columns = list(rows[0])
            self.logged_until = max(int(row["step"]) for row in rows)
            self._write([row for row in rows if int(row["step"]) < step])

    def _write(self, rows: list[dict[str, Any]]) -> None:
        with replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(rows)

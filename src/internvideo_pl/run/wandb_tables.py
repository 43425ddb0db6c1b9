"""The paper's tables and pictures as a run of Weights & Biases, offline unless it is asked to be online."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from internvideo_pl.errors import UserError
from internvideo_pl.tables.table import Cell, Column, Table

PROJECT = "internvideo"
Mode = Literal["offline", "online", "disabled"]
MODES: tuple[Mode, ...] = ("offline", "online", "disabled")


def checked_mode(mode: str) -> Mode:
    """The mode itself.

    Raises:
        UserError: Weights & Biases has none of that name.
    """
    for known in MODES:
        if mode == known:
            return known
    raise UserError(f"Weights & Biases has no mode {mode!r}: WANDB_MODE= is one of {', '.join(MODES)}")


def log_tables(tables: Mapping[str, Table], pictures: Mapping[str, Path], folder: Path, mode: Mode) -> None:
    """Log everything in one run below `folder`; offline runs there that were not synced give way to it.

    Args:
        tables: Name to table.
        pictures: Name to a PNG.
        folder: Where `wandb/` is made.
        mode: "offline" or "online".

    Raises:
        UserError: Weights & Biases could not be reached.
    """
    import wandb

    os.environ.setdefault("WANDB_SILENT", "true")
    for earlier in folder.glob("wandb/offline-run-*"):
        if not any(earlier.glob("*.synced")):
            shutil.rmtree(earlier)
    try:
        with wandb.init(project=PROJECT, name="tables", job_type="tables", dir=folder, mode=mode) as run:
            content: dict[str, Any] = {f"tables/{name}": wandb_table(table) for name, table in tables.items()}
            content |= {f"figures/{name}": wandb.Image(str(path)) for name, path in pictures.items()}
            run.log(content)
    except (wandb.errors.Error, OSError) as error:
        raise UserError(
            f"the tables could not be handed to Weights & Biases ({error}); WANDB_MODE=offline works"
        ) from error


def wandb_table(table: Table) -> Any:
    """A `wandb.Table`: numbers as such in columns of numbers, words elsewhere."""
    import wandb

    data = [[_value(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    numeric = [all(isinstance(row[i], float | None) for row in data) for i in range(len(table.columns))]
    words = [[value if numeric[i] else _words(value) for i, value in enumerate(row)] for row in data]
    return wandb.Table(columns=[column.name for column in table.columns], data=words)


def _value(cell: Cell, column: Column) -> float | str | None:
    """A number where the column has numbers, None where it has none."""
    if column.number and cell.raw is not None:
        return float(cell.raw)
    return None if column.number and cell.text in ("-", "") else cell.text


def _words(value: float | str | None) -> str:
    """A column that mixes words and numbers has words: Weights & Biases wants one type in each."""
    return "" if value is None else value if isinstance(value, str) else f"{value:g}"

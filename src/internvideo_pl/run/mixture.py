"""What a run was trained on when that was a mixture: written into its folder, printed, and shown in its card."""

import json
from pathlib import Path
from typing import Any

from internvideo_pl.data.mixture import MixtureData
from internvideo_pl.run.folder import write_json
from internvideo_pl.tables.table import Cell, Column, Table

MIXTURE = "mixture.json"

COLUMNS = {  # heading -> key of a row, digits
    "videos here": ("here", 0),
    "listed": ("listed", 0),
    "weight": ("weight", 2),
    "share %": ("share", 1),
    "drawn an epoch": ("drawn_an_epoch", 0),
    "times an epoch": ("times_an_epoch", 2),
    "frames": ("frames", 0),
    "stride": ("stride", 0),
}


def write_mixture(data: MixtureData, folder: Path) -> None:
    """Writes `mixture.json` into a run's folder: the parts with counts and weights, and those left out with why."""
    write_json(folder / MIXTURE, data.manifest_rows())


def mixture_table(folder: Path) -> Table | None:
    """What the run in a folder was trained on; None where that was no mixture."""
    if not (folder / MIXTURE).is_file():
        return None
    rows: list[dict[str, Any]] = json.loads((folder / MIXTURE).read_text(encoding="utf-8"))
    columns = [Column("part"), Column("dataset"), *(Column(name, number=True) for name in COLUMNS)]
    notes = [f"{row['part']} is left out: {row['left_out']}" for row in rows if row["left_out"]]
    return Table("mixture of the training data", columns, [_cells(row) for row in rows if not row["left_out"]], notes)


def _cells(row: dict[str, Any]) -> list[Cell]:
    numbers = (row[key] * (100 if key == "share" else 1) for key, _ in COLUMNS.values())
    shown = [
        Cell(f"{value:,.{digits}f}" if value or heading != "stride" else "-", raw=value)
        for value, (heading, (_, digits)) in zip(numbers, COLUMNS.items(), strict=True)
    ]
    return [Cell(row["part"]), Cell(row["dataset"]), *shown]

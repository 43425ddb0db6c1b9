"""What training cost: our runs beside the paper's device hours."""

from collections.abc import Sequence

from internvideo_pl.tables.paper import paper
from internvideo_pl.tables.row import MEAN, Row
from internvideo_pl.tables.table import Cell, Column, Table, number


def cost_table(rows: Sequence[Row]) -> Table:
    """One line a run: devices, wall hours, device hours, energy and how it was known, carbon dioxide.

    Several rows of one run (a run may answer several tasks) are one line, a run that was repeated is another. The
    paper's own figures and CoCa's, which it compares itself with, come first.
    """
    figures = paper().training_cost
    share = figures["energy_share_of_coca_percent"]
    lines = [
        [
            Cell("InternVideo (the paper)"),
            Cell("A100-80G"),
            number(None),
            number(figures["internvideo_gpu_hours_a100"], digits=0),
            number(None),
            Cell(f"{share} % of CoCa's, by its authors"),
            number(None),
        ],
        [
            Cell("CoCa"),
            Cell("TPUv4"),
            number(None),
            number(figures["coca_tpu_hours_v4"], digits=0),
            number(None),
            Cell("-", tone="muted"),
            number(None),
        ],
        *(_line(row) for row in _runs(rows)),
    ]
    heads = [
        Column("run"),
        Column("devices"),
        Column("hours", number=True),
        Column("GPU hours", number=True),
        Column("kWh", number=True),
        Column("energy by"),
        Column("kg CO2", number=True),
    ]
    return Table("Training cost", heads, lines, _notes(rows))


def _runs(rows: Sequence[Row]) -> list[Row]:
    """One row of each run, the latest; none of a mean over splits, whose runs are there themselves."""
    runs = {
        (row.folder, row.experiment, row.mini, row.seed, row.config_hash): row
        for row in rows
        if not str(row.protocol.get("split", "")).startswith(MEAN)
    }
    return list(runs.values())


def _line(row: Row) -> list[Cell]:
    return [
        Cell(f"{row.experiment}{' (miniature)' if row.mini else ''}"),
        Cell(row.devices),
        number(row.seconds / 3600, digits=2),
        number(row.gpu_hours, digits=2),
        number(row.kwh, digits=3),
        Cell(row.kwh_source),
        number(row.kg_co2, digits=3),
    ]


def _notes(rows: Sequence[Row]) -> list[str]:
    runs = _runs(rows)
    if not runs:
        return ["No run has written a row yet."]
    hours = sum(row.gpu_hours for row in runs)
    share = 100 * hours / paper().training_cost["internvideo_gpu_hours_a100"]
    return [f"{len(runs)} runs, {hours:,.2f} GPU hours in all, {share:.2g} % of the paper's A100 hours."]

"""What `table` does: the paper's tables and pictures rebuilt from the rows below results/."""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.folders import results_folder
from internvideo_pl.run.results_report import write_results_report
from internvideo_pl.run.wandb_tables import Mode, checked_mode, log_tables
from internvideo_pl.tables.comparable import reproduced
from internvideo_pl.tables.drawing import to_png, to_svg
from internvideo_pl.tables.figures import figures
from internvideo_pl.tables.latex import to_latex
from internvideo_pl.tables.printed import TITLES, printed_table
from internvideo_pl.tables.render import print_table, to_csv, to_markdown
from internvideo_pl.tables.row import Row, read_rows
from internvideo_pl.tables.table import Table
from internvideo_pl.whole_file import write_whole

FOLDER = "tables"
REPRODUCED = "reproduced.json"  # what once agreed with the paper, to notice when something no longer does


def main(which: str, wandb: str | None = None) -> None:
    """Print one of the paper's tables, or write all of them.

    Args:
        which: A table's number or name, or "all".
        wandb: With "all": how Weights & Biases gets them, "offline" (which is the default), "online" or "disabled".

    Raises:
        UserError: There is no such table, no such mode, or no folder to read from and write to; or, with "all", a
            figure that was reproduced before no longer is.
    """
    mode = checked_mode(wandb or (os.environ.get("WANDB_MODE", "offline") if which == "all" else "disabled"))
    results = results_folder()
    if results.exists() and not results.is_dir():
        raise UserError(f"The results {results} are a file, no folder; let INTERNVIDEO_RESULTS name a folder.")
    rows, problems = read_rows(results) if results.is_dir() else ([], [])
    if which != "all":
        print_table(printed_table(which, rows))
        _name(problems)
        return
    folder = results / FOLDER
    before = _before(folder / REPRODUCED)
    print_table(printed_table("overview", rows))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_all(rows, folder, mode, problems)
        print(f"the page of all results: {write_results_report(results)}")
        _name(problems)
        _compare(before, reproduced(rows), folder / REPRODUCED)
    except OSError as error:
        raise UserError(
            f"The tables cannot be written to {folder} ({error.strerror}); make it a folder that can be written to."
        ) from error


def _name(problems: Sequence[str]) -> None:
    """Name the files that were left out."""
    for problem in problems:
        print(problem)


def _noted(table: Table, problems: Sequence[str]) -> Table:
    """The table with the files that were left out named under it."""
    return dataclasses.replace(table, notes=[*table.notes, *problems])


def write_all(rows: list[Row], folder: Path, wandb: Mode, problems: Sequence[str] = ()) -> None:
    """Every table as Markdown, CSV, LaTeX and for Weights & Biases, and the pictures as SVG and PNG.

    Args:
        rows: Ours.
        folder: Where they go.
        wandb: How Weights & Biases gets them.
        problems: Files that were left out, to be named under every table.
    """
    drawn = {name: _noted(printed_table(name, rows), problems) for name in TITLES}
    for name, table in drawn.items():
        for suffix, text in {"md": to_markdown(table), "csv": to_csv(table), "tex": to_latex(table)}.items():
            write_whole(folder / f"{name}.{suffix}", text.encode())
    pictures = figures(rows)
    for name, drawing in pictures.items():
        write_whole(folder / f"{name}.svg", to_svg(drawing).encode())
        write_whole(folder / f"{name}.png", to_png(drawing))
    print(f"{len(drawn)} tables of the paper, as .md, .csv and .tex, and {len(pictures)} pictures: {folder}")
    if wandb != "disabled":
        log_tables(drawn, {name: folder / f"{name}.png" for name in pictures}, folder, wandb)
        print(f"the same for Weights & Biases, {wandb}: {folder / 'wandb'}")


def _compare(before: list[str], now: list[str], record: Path) -> None:
    """Note what is reproduced now; refuse to pass over what was and no longer is."""
    lost = [name for name in before if name not in now]
    write_whole(record, (json.dumps([*now, *lost], indent=2) + "\n").encode())
    if lost:
        raise UserError(
            f"reproduced before and no longer: {', '.join(lost)}; look at results/{FOLDER}/overview.md, and take the "
            f"names out of {record} once that is meant to be so"
        )


def _before(record: Path) -> list[str]:
    """What was reproduced when the tables were last written.

    Raises:
        UserError: The record is damaged.
    """
    try:
        names = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("not a list of names")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{record}, which says what was reproduced before, is damaged ({error}); mend or delete it"
        ) from error
    return names

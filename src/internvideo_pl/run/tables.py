"""What `table` does: the paper's tables rebuilt from the rows below results/."""

import json
import os
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.folders import results_folder
from internvideo_pl.tables.latex import to_latex
from internvideo_pl.tables.printed import TITLES, printed_table, reproduced
from internvideo_pl.tables.render import print_table, to_csv, to_markdown
from internvideo_pl.tables.row import Row, read_rows

FOLDER = "tables"
REPRODUCED = "reproduced.json"  # benchmarks that once agreed with the paper, to notice when one no longer does


def main(which: str) -> None:
    """Print one of the paper's tables, or write all of them.

    Args:
        which: A table's number or name, or "all".

    Raises:
        UserError: There is no such table; or, with "all", a figure that was reproduced before no longer is.
    """
    results = results_folder()
    rows, problems = read_rows(results) if results.is_dir() else ([], [])
    if which != "all":
        print_table(printed_table(which, rows))
    else:
        _write_all(rows, results / FOLDER)
    for problem in problems:
        print(problem)
    if which == "all":
        _compare(rows, results / FOLDER / REPRODUCED)


def _write_all(rows: list[Row], folder: Path) -> None:
    """Every table as Markdown, CSV and LaTeX."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TITLES:
        table = printed_table(name, rows)
        for suffix, text in {"md": to_markdown(table), "csv": to_csv(table), "tex": to_latex(table)}.items():
            _replace(folder / f"{name}.{suffix}", text)
    print(f"{len(TITLES)} tables of the paper, as .md, .csv and .tex: {folder}")


def _compare(rows: list[Row], record: Path) -> None:
    """Note what is reproduced now; refuse to pass over what was and no longer is."""
    now = reproduced(rows)
    before = json.loads(record.read_text()) if record.is_file() else []
    lost = [name for name in before if name not in now]
    _replace(record, json.dumps([*now, *lost], indent=2) + "\n")
    if lost:
        raise UserError(
            f"reproduced before and no longer: {', '.join(lost)}; look at results/{FOLDER}/overview.md, and take the "
            f"names out of {record} once that is meant to be so"
        )


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)

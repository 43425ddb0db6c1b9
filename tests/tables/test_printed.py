"""The paper's tables with rows of ours in them."""

import csv
import io
import os
import subprocess
import sys

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run import tables
from internvideo_pl.tables.latex import to_latex
from internvideo_pl.tables.printed import TITLES, printed_table, reproduced
from internvideo_pl.tables.render import to_csv
from internvideo_pl.tables.row import write_row
from internvideo_pl.tables.table import Cell, Column, Table
from tests.tables.rows import k400, make_row


def cells(name: str, rows: list) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(printed_table(name, rows)))))


@pytest.mark.parametrize("name", TITLES)
def test_every_table_is_made_without_a_row_of_ours(name: str) -> None:
    table = printed_table(name, [])
    assert len(table.rows) >= 2
    assert not any(cell.text.startswith("ours") for row in table.rows for cell in row)


def test_all_benchmarks_stand_in_the_overview() -> None:
    assert [line["no."] for line in cells("overview", [])] == [str(n) for n in range(1, 41)]


def test_our_row_stands_under_the_papers() -> None:
    lines = cells("2", [k400(90.8), k400(88.0), make_row(benchmark="k400", mini=True)])
    assert lines[-2]["model"] == "InternVideo-T"
    assert lines[-2]["k400"] == "91.1"
    assert lines[-1] == {"model": "ours: coordinated", "params": "", "k400": "90.8", "k600": "-", "k700": "-"}


def test_miniatures_and_other_protocols_are_left_out_and_named() -> None:
    other = k400(99.0, protocol={"split": "test"})
    table = printed_table("2", [other, k400(50.0, mini=True)])
    assert not any(row[0].text.startswith("ours") for row in table.rows)
    assert any("split is test, not val" in note for note in table.notes)
    assert any("1 rows of miniatures" in note for note in table.notes)
    line = next(line for line in cells("overview", [other]) if line["benchmark"] == "k400")
    assert (line["ours"], line["verdict"]) == ("-", "not run")


def test_overview_gives_difference_and_verdict() -> None:
    line = next(line for line in cells("overview", [k400(91.0)]) if line["benchmark"] == "k400")
    assert (line["before"], line["paper"], line["ours"]) == ("89.9", "91.1", "91.0")
    assert float(line["difference"]) == pytest.approx(-0.1)
    assert line["verdict"] == "reproduced"


def test_cost_adds_up_runs_and_not_rows() -> None:
    run = {"gpu_hours": 645.0, "seconds": 3600.0, "kwh": 2.0, "kg_co2": 0.96}
    both = [make_row(**run), make_row(**run, task="zero_shot"), make_row(**run, seed=1)]
    table = printed_table("cost", both)
    assert len(table.rows) == 2 + 2
    assert "1,290.00 GPU hours in all, 2 % of the paper's" in table.notes[0]


def test_unknown_table_is_a_sentence() -> None:
    with pytest.raises(UserError, match="Did you mean 'overview'"):
        printed_table("overvew", [])


def test_all_writes_everything_and_notices_what_is_lost(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    path = write_row(k400(91.0), tmp_path / "run")
    tables.main("all")
    written = {file.name for file in (tmp_path / "tables").iterdir()}
    assert written == {"reproduced.json", *(f"{name}.{suffix}" for name in TITLES for suffix in ("md", "csv", "tex"))}
    assert reproduced([k400(91.0)]) == ["k400"]
    path.unlink()
    for _ in range(2):  # the loss is not forgotten by being told once
        with pytest.raises(UserError, match="reproduced before and no longer: k400"):
            tables.main("all")
    write_row(k400(91.2), tmp_path / "run")
    tables.main("all")
    capsys.readouterr()


def test_latex_escapes_and_marks_the_best() -> None:
    table = Table(
        "50 % of A_1", [Column("a & b"), Column("x", number=True)], [[Cell("{~}"), Cell("1", best=True)]], ["<#>"]
    )
    text = to_latex(table)
    assert r"\caption{50 \% of A\_1}" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"    a \& b & x \\" in text
    assert r"    \{\textasciitilde{}\} & \textbf{1} \\" in text
    assert r"\par\footnotesize \textless{}\#\textgreater{}" in text


def test_command_line(tmp_path) -> None:

    environment = {**os.environ, "INTERNVIDEO_RESULTS": str(tmp_path)}
    command = [sys.executable, "-m", "internvideo_pl", "table"]
    done = subprocess.run([*command, "2"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "InternVideo-T" in done.stdout
    wrong = subprocess.run([*command, "8"], env=environment, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("internvideo: There is no table '8'")

"""The paper's tables with rows of ours in them."""

import csv
import io
import os
import subprocess
import sys

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run import tables
from internvideo_pl.tables.comparable import reproduced
from internvideo_pl.tables.latex import to_latex
from internvideo_pl.tables.paper import paper
from internvideo_pl.tables.printed import TITLES, printed_table
from internvideo_pl.tables.render import to_csv
from internvideo_pl.tables.row import Coverage, write_row
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
    *_, printed, ours, difference, chance, verdict = cells(
        "2", [k400(90.8), k400(88.0), make_row(benchmark="k400", mini=True)]
    )
    assert (printed["model"], printed["k400"]) == ("InternVideo-T", "91.1")
    assert ours == {"model": "ours: coordinated", "params": "", "k400": "90.8", "k600": "-", "k700": "-"}
    assert difference["model"] == "difference"
    assert float(difference["k400"]) == pytest.approx(-0.3)
    assert chance == {"model": "chance", "params": "", "k400": "0.25", "k600": "-", "k700": "-"}
    assert verdict == {"model": "verdict", "params": "", "k400": "reproduced", "k600": "not run", "k700": "not run"}


def test_every_figure_of_a_row_is_judged_by_the_papers_own() -> None:
    metrics = {"dsl/t2v/R@1": 55.0, "dsl/v2t/R@1": 57.0}
    row = k400(
        0.0,
        benchmark="msrvtt_ret",
        metrics=metrics,
        headline="dsl/t2v/R@1",
        chance=dict.fromkeys(metrics, 0.1),
        protocol={"split": "1k-A test", "captions": "one a video"},
    )
    lines = cells("6", [row])
    found = {line["model"]: (line["msrvtt t2v"], line["msrvtt v2t"]) for line in lines[-3:]}
    assert found["chance"] == ("0.1", "0.1")
    assert found["verdict"] == ("reproduced", "off by -0.90")
    assert tuple(map(float, found["difference"])) == pytest.approx((-0.2, -0.9))


def test_a_damaged_row_is_named_and_the_tables_are_built(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    monkeypatch.setattr(tables, "figures", lambda rows: {})
    write_row(k400(91.0), tmp_path / "good")
    broken = tmp_path / "bad" / "row-x.json"
    broken.parent.mkdir()
    broken.write_text("{")
    tables.main("all", wandb="disabled")
    assert f"{broken} was left out" in capsys.readouterr().out
    assert all("row-x.json was left out" in (tmp_path / "tables" / f"{name}.md").read_text() for name in TITLES)
    assert "| reproduced |" in (tmp_path / "tables" / "overview.md").read_text()
    assert "row-x.json was left out" in (tmp_path / "report.html").read_text()


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
    tables.main("all", wandb="disabled")
    written = {file.name for file in (tmp_path / "tables").iterdir()}
    tables_files = {f"{name}.{suffix}" for name in TITLES for suffix in ("md", "csv", "tex")}
    drawn = ("radar", "bars_action", "bars_language", "bars_zero_shot", "bars_open_world")
    assert written == {
        "reproduced.json",
        *tables_files,
        *(f"{name}.{form}" for name in drawn for form in ("svg", "png")),
    }
    assert reproduced([k400(91.0)]) == ["k400 by finetune/k400"]
    path.unlink()
    monkeypatch.setattr(tables, "figures", lambda rows: {})  # drawn above
    for _ in range(2):  # the loss is not forgotten by being told once
        with pytest.raises(UserError, match="reproduced before and no longer: k400 by finetune/k400"):
            tables.main("all", wandb="disabled")
    write_row(k400(91.2), tmp_path / "run")
    tables.main("all", wandb="disabled")
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

    environment = {**os.environ, "INTERNVIDEO_RESULTS": str(tmp_path), "WANDB_MODE": "disabled"}
    command = [sys.executable, "-m", "internvideo_pl", "table"]
    done = subprocess.run([*command, "2"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "InternVideo-T" in done.stdout
    write_row(k400(91.0), tmp_path / "run")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "reproduced.json").write_text('["k600 by finetune/k600"]')
    lost = subprocess.run([*command, "all"], env=environment, capture_output=True, text=True, check=False)
    assert lost.returncode == 2
    assert "reproduced before and no longer: k600 by finetune/k600" in lost.stderr
    wrong = subprocess.run([*command, "8"], env=environment, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("internvideo: There is no table '8'")


def test_several_seeds_are_one_line_with_mean_and_interval() -> None:
    seeds = [k400(top1, seed=seed, recipe="r") for seed, top1 in enumerate((90.0, 91.0, 92.0))]
    (line,) = [line for line in cells("overview", seeds) if line["benchmark"] == "k400"]
    half = 4.303 * 1.0 / 3**0.5  # Student's t with two degrees of freedom, deviation 1, three runs
    assert float(line["ours"]) == pytest.approx(91.0)
    assert line["95 % interval"] == f"[{91 - half:.1f}, {91 + half:.1f}]"
    assert (line["over"], line["verdict"]) == ("3 seeds", "reproduced")


def test_a_single_run_has_its_bootstrap_interval() -> None:
    (line,) = [
        line for line in cells("overview", [k400(90.0, intervals={"top1": (89.6, 90.4)})]) if line["ours"] == "90.0"
    ]
    assert (line["95 % interval"], line["over"]) == ("[89.6, 90.4]", "videos")
    table = printed_table("2", [k400(90.0, intervals={"top1": (89.6, 90.4)})])
    assert [row[0].text for row in table.rows[-5:-3]] == ["ours: coordinated", "95 % interval"]
    assert [row[2].text for row in table.rows[-5:-3]] == ["90.00", "[89.6, 90.4]"]
    interval = next(
        line for line in cells("2", [k400(90.0, intervals={"top1": (89.6, 90.4)})]) if "95" in line["model"]
    )
    assert interval["k400"] == "[89.6, 90.4]"  # and so in what machines read


def test_unlike_protocols_are_never_ranked_and_their_difference_is_named() -> None:
    many = k400(90.8, protocol={"split": "val", "views": "7x3", "num_frames": 16})
    one = k400(88.0, protocol={"split": "val", "views": "1x1", "num_frames": 16})
    for name, column in (("overview", "benchmark"), ("2", "model")):
        table = printed_table(name, [many, one])
        ours = [line for line in cells(name, [many, one]) if line[column].startswith(("k400", "ours: coordinated"))]
        ours = [line for line in ours if line[column] != "k400_zs"]
        assert len(ours) == 2
        assert [("views 7x3" in str(line), "views 1x1" in str(line)) for line in ours] == [(True, False), (False, True)]
        (note,) = [note for note in table.notes if "not ranked against each other" in note]
        assert "views is 7x3 or 1x1" in note
        assert "num_frames" not in note


def test_a_line_holds_figures_of_one_protocol() -> None:
    many, one = ({"split": "val", "views": views} for views in ("7x3", "1x1"))
    rows = [k400(90.8, protocol=many), k400(88.0, protocol=one), k400(89.0, benchmark="k600", protocol=one)]
    found = {line["model"]: (line["k400"], line["k600"]) for line in cells("2", rows) if "ours" in line["model"]}
    assert found == {
        "ours: coordinated, views 7x3": ("90.8", "-"),
        "ours: coordinated, views 1x1": ("88.0", "89.0"),
    }
    across = [k400(90.8, protocol=many), k400(89.0, benchmark="k600", protocol=one)]  # one protocol in each column
    found = {line["model"]: (line["k400"], line["k600"]) for line in cells("2", across) if "ours" in line["model"]}
    assert found == {
        "ours: coordinated, views 7x3": ("90.8", "-"),
        "ours: coordinated, views 1x1": ("-", "89.0"),
    }
    alike = [k400(90.8, protocol={**many, "classes": 400}), k400(89.0, benchmark="k600", protocol=many)]
    (line,) = [line for line in cells("2", alike) if "ours" in line["model"]]
    assert (line["model"], line["k400"], line["k600"]) == ("ours: coordinated", "90.8", "89.0")


def test_missing_videos_show_their_bounds_in_every_table() -> None:
    metrics = {"top1": 91.0, "top1/low": 0.05, "top1/high": 99.99}
    few = k400(91.0, metrics=metrics, coverage=Coverage(10, 19877))
    assert reproduced([few]) == []
    (line,) = [line for line in cells("overview", [few]) if line["benchmark"] == "k400"]
    assert line["bounds"] == "[0.05, 100.0]"
    assert line["verdict"].startswith("undecided on 10 of 19,877 videos")
    assert {line["model"]: line["k400"] for line in cells("2", [few])}["bounds"] == "[0.05, 100.0]"
    assert any(note.startswith("Bounds:") for note in printed_table("2", [few]).notes)
    whole = k400(88.0)
    assert {line["model"]: line["k400"] for line in cells("2", [whole, few])}["ours: coordinated"] == "88.0"


def test_disagreements_of_the_sources_are_said() -> None:
    for name, words in (("2", "k700: figure 1 prints 83.9"), ("navigation", "so SPL is an inference")):
        assert any(words in note for note in printed_table(name, []).notes)
    for each in paper().benchmarks.values():
        if each.note:
            assert any(each.note in note for note in printed_table("overview", []).notes)


def test_the_open_set_table_has_its_closed_set_figure() -> None:
    row = k400(
        85.5,
        benchmark="ucf101_hmdb51",
        metrics={"AUROC": 85.5, "closed/top1": 97.0},
        headline="AUROC",
        chance={"AUROC": 50.0, "closed/top1": 0.99},
        protocol={"known": "ucf101 test 1", "unknown": "hmdb51 test 1"},
    )
    lines = {line["model"]: line for line in cells("open_set", [row])}
    assert lines["ours: coordinated"]["closed set top1"] == "97.0"
    assert float(lines["difference"]["closed set top1"]) == pytest.approx(97.0 - 97.89)
    assert lines["verdict"]["closed set top1"] == "off by -0.89"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": "s"},
        {"model": "another"},
        {"protocol": {"split": "val", "views": "1x1"}},
    ],
)
def test_the_newest_run_is_judged_whatever_it_changed(changes) -> None:
    first = k400(91.0, recipe="r")
    again = k400(60.0, **{"recipe": "r", "created": "2026-02-01T00:00:00+00:00", **changes})
    assert reproduced([first]) == ["k400 by finetune/k400"]
    assert reproduced([first, again]) == []
    elsewhere = k400(60.0, experiment="finetune/other", created="2026-02-01T00:00:00+00:00")
    assert reproduced([first, elsewhere]) == ["k400 by finetune/k400"]


def test_models_of_one_test_are_judged_together() -> None:
    baseline = k400(3.0, model="a random agent", created="2026-01-01T12:00:01+00:00")
    assert reproduced([k400(91.0), baseline]) == ["k400 by finetune/k400"]


def test_every_printed_figure_is_watched() -> None:
    row = k400(
        55.2,
        benchmark="msrvtt_ret",
        metrics={"dsl/t2v/R@1": 40.0, "dsl/v2t/R@1": 57.9},
        headline="dsl/t2v/R@1",
        protocol={"split": "1k-A test", "captions": "one a video"},
    )
    assert reproduced([row]) == ["msrvtt_ret dsl/v2t/R@1 by finetune/k400"]


def test_a_run_that_no_longer_reproduces_replaces_its_older_self() -> None:
    first = k400(91.0, recipe="r", created="2026-01-01T00:00:00+00:00")
    again = k400(80.0, recipe="r", created="2026-02-01T00:00:00+00:00")
    assert reproduced([first]) == ["k400 by finetune/k400"]
    assert reproduced([first, again]) == []


def test_a_damaged_record_is_a_sentence(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "reproduced.json").write_text("{")
    with pytest.raises(UserError, match=r"is damaged .*delete it"):
        tables.main("all", wandb="disabled")


@pytest.mark.parametrize("which", ["all", "2"])
def test_unknown_mode_of_wandb_is_a_sentence(tmp_path, monkeypatch, which) -> None:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    with pytest.raises(UserError, match="one of offline, online, disabled"):
        tables.main(which, wandb="nonsense")


@pytest.mark.parametrize("which", ["all", "2"])
def test_results_that_are_a_file_are_a_sentence(tmp_path, monkeypatch, which) -> None:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    (tmp_path / "results").write_text("")
    with pytest.raises(UserError, match="INTERNVIDEO_RESULTS"):
        tables.main(which, wandb="disabled")


def test_tables_that_are_a_file_are_a_sentence(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    (tmp_path / "tables").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        tables.main("all", wandb="disabled")

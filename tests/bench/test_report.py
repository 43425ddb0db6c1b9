"""What a bench found: verdicts, tables, JSON, the page of docs, mistakes."""

import json
import platform

import pytest

from internvideo_pl.bench import BENCHES, Bench, Options, report
from internvideo_pl.bench.report import Goal, Section, command_of, run_benches, write_json, write_markdown
from internvideo_pl.errors import UserError
from internvideo_pl.tables.render import to_markdown

ROWS = [{"contender": "theirs", "ms": 1234.5, "clips/s": 0.81, "peak GiB": None},
        {"contender": "ours", "ms": 56.78, "clips/s": 17, "peak GiB": 1.0}]  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "wanted", "at_most", "noise", "verdict"),
    [
        (1.2, 1.1, False, 0.0, "reached"),
        (1.1, 1.1, False, 0.0, "reached"),
        (1.0, 1.1, False, 0.0, "not reached"),
        (1.0, 1.1, False, 0.2, "within noise"),
        (1.0, 1.1, True, 0.0, "reached"),
        (1.2, 1.1, True, 0.05, "not reached"),
    ],
)
def test_verdicts(measured, wanted, at_most, noise, verdict):
    assert Goal("speed", measured, wanted, at_most, noise).verdict == verdict


def test_tables():
    figures, goals = Section("speed", ROWS, [Goal("ours", 2.0, 1.5)], ["a note"]).tables()
    assert [column.name for column in figures.columns if column.number] == ["ms", "clips/s", "peak GiB"]
    assert [[cell.text for cell in row] for row in figures.rows] == [
        ["theirs", "1,234", "0.81", "-"],
        ["ours", "56.8", "17", "1.00"],
    ]
    assert [cell.text for cell in goals.rows[0]] == ["ours", "2.00", "at least 1.50", "reached"]
    assert len(Section("speed", ROWS).tables()) == 1


def test_rows_of_different_columns_are_refused():
    with pytest.raises(AssertionError, match="same columns"):
        Section("speed", [{"a": 1}, {"b": 1}]).tables()


def test_json_says_how_it_was_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    path = write_json("models", [Section("speed", ROWS, [Goal("ours", 1.0, 1.5)])], Options(rounds=9, everything=True))
    assert path == tmp_path / "bench" / "models.json"
    assert [file.name for file in path.parent.iterdir()] == ["models.json"]  # nothing temporary is left
    content = json.loads(path.read_text())
    assert content["command"] == "make bench ONLY=models ALL=1 ROUNDS=9"
    assert content["sections"][0]["rows"] == ROWS
    assert content["sections"][0]["goals"][0]["verdict"] == "not reached"
    assert {"torch", "python"} <= content["versions"].keys()
    assert {"processor", "threads"} <= content["machine"].keys()
    assert platform.node() not in json.dumps(content["machine"]) or len(platform.node()) < 3


def test_command():
    assert command_of("models", Options()) == "make bench ONLY=models"


def test_only_what_stands_between_the_markers_is_replaced(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text("# Title\n\n<!-- bench models -->\nold\n<!-- end of bench models -->\n\nafter\n")
    section = Section("speed", ROWS)
    for _ in range(2):
        write_markdown(page, "models", [section], Options())
        text = page.read_text()
        assert text.startswith("# Title\n\n<!-- bench models -->\nMeasured with `make bench ONLY=models` on ")
        assert text.endswith("<!-- end of bench models -->\n\nafter\n")
        assert text.count(to_markdown(section.tables()[0])) == 1
        assert "old" not in text


class _Stub:
    def __init__(self, sections):
        self.sections = sections

    def run(self, options):
        for section in self.sections:
            if isinstance(section, Exception):
                raise section
            yield section


@pytest.fixture
def benches(tmp_path, monkeypatch):
    """Two benches, of which the second cannot run here; docs with a page for the first."""
    modules = {
        "m.good": _Stub([Section("speed", ROWS)]),
        "m.bad": _Stub([UserError("it needs an extra.")]),
    }
    monkeypatch.setattr(report, "BENCHES", {"good": Bench("m.good", "one"), "bad": Bench("m.bad", "two")})
    monkeypatch.setattr(report.importlib, "import_module", modules.__getitem__)
    monkeypatch.setattr(report, "project_root", lambda: tmp_path)
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "speed.md").write_text("<!-- bench good -->\n<!-- end of bench good -->\n")
    return tmp_path


def test_all_benches_run_and_one_that_cannot_is_left_out(benches, capsys):
    run_benches([], Options())
    printed = capsys.readouterr().out
    assert "theirs" in printed
    assert "bad is left out: it needs an extra." in printed
    assert (benches / "results" / "bench" / "good.json").exists()


def test_a_bench_that_is_named_must_run(benches):
    with pytest.raises(UserError, match="it needs an extra"):
        run_benches(["good", "bad"], Options())


def test_markdown_goes_into_the_page_with_the_markers(benches):
    run_benches(["good"], Options(), markdown=True)
    assert "| theirs |" in (benches / "docs" / "speed.md").read_text()
    with pytest.raises(UserError, match="put the lines <!-- bench bad --> and <!-- end of bench bad --> into one"):
        run_benches(["bad"], Options(), markdown=True)


def test_misspelt_name(benches):
    with pytest.raises(UserError, match=r"There is no bench 'goof'\. Did you mean 'good'\?"):
        run_benches(["goof"], Options())


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_of_the_table_can_be_imported(name):
    import importlib

    assert callable(importlib.import_module(BENCHES[name].module).run)

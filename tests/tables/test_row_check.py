"""Rows that are sound JSON and no rows: each is named by its file, and every table is built without it."""

import json

import pytest

from internvideo_pl.run import tables
from internvideo_pl.tables.protocol import fingerprint
from internvideo_pl.tables.row import write_row
from tests.tables.rows import k400

HUGE = 10**400


def change(content: dict, path: str, value: object) -> None:
    *parents, last = path.split(".")
    for name in parents:
        content = content[name]
    content[last] = value


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("benchmark", "k401", "no benchmark 'k401'"),
        ("benchmark", ["k400"], "unhashable|no benchmark"),
        ("metrics.top1", HUGE, "top1 is no finite number"),
        ("metrics.top1", "90", "top1 is '90'"),
        ("metrics.top1", True, "top1 is True"),
        ("chance.top1", HUGE, "chance of top1 is no finite"),
        ("chance.top1", None, "chance of top1 is None"),
        ("intervals", {"top1": [1]}, "interval of top1"),
        ("intervals", {"top1": [1, "x"]}, "interval of top1"),
        ("coverage.used", "1e999", "used is"),
        ("coverage.used", -5, "used is -5 of"),
        ("coverage.used", 99999, "used is 99999 of"),
        ("coverage.used", 3.5, "used is 3.5"),
        ("coverage.official", HUGE, "official is larger"),
        ("coverage.missing", "abc", "missing is 'abc'"),
        ("coverage.missing", [1], "missing is 1"),
        ("coverage", None, "not subscriptable"),
        ("seed", HUGE, "seed is larger"),
        ("seconds", HUGE, "seconds is no finite"),
        ("gpu_hours", None, "gpu_hours is None"),
        ("parents", {"masked": 7}, "parents masked is 7"),
        ("versions", {"torch": None}, "versions torch is None"),
        ("model", "\ud800", "surrogates"),
        ("versions", {"\ud800": "1"}, "surrogates"),
        ("created", "yesterday", "yesterday"),
        ("created", "2026-01-01", "without a time zone"),
    ],
)
def test_a_corrupt_row_stops_no_table(tmp_path, monkeypatch, capsys, path, value, reason):
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    monkeypatch.setattr(tables, "figures", lambda rows: {})
    write_row(k400(91.0), tmp_path / "good")
    broken = write_row(k400(91.0, seed=1), tmp_path / "bad")
    content = json.loads(broken.read_text())
    change(content, path, value)
    if isinstance(content["benchmark"], str):  # sound in all else
        content["fingerprint"] = fingerprint(content["protocol"], content["benchmark"], content["task"])
    broken.write_text(json.dumps(content).replace('"1e999"', "1e999"))
    tables.main("all", wandb="disabled")
    problem = next(line for line in capsys.readouterr().out.splitlines() if "was left out" in line)
    assert problem.startswith(f"{broken} was left out: ")
    assert any(words in problem for words in reason.split("|")), problem
    assert "| reproduced |" in (tmp_path / "tables" / "overview.md").read_text()
    assert broken.name in (tmp_path / "report.html").read_text()

"""`plan` and `doctor` of every experiment: a table, or one sentence; never a traceback."""

import json
from functools import partial

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config import list_experiments
from internvideo_pl.run import examine, pace, plan

OFTEN = ("ego4d", "features", "localize", "navigate", "openset")  # models that tasks of their own build
ANSWERS = tuple(f"finetune/{name}" for name in ("lsmdc_mc", "msrvtt_qa", "tgif_action", "tgif_count"))
NAMES = [name for name in list_experiments() if not name.startswith("sweeps/")]
EVERY = [
    pytest.param(name, marks=() if name.startswith(OFTEN) or name in ANSWERS else pytest.mark.slow, id=name)
    for name in NAMES
]
NO_PLAN = ("trains on features", "trains nothing", "cannot be planned", "plan one of its stages")


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    """No data, no runs, no measurement."""
    for word in ("DATA", "RESULTS", "CACHE"):
        monkeypatch.setenv(f"INTERNVIDEO_{word}", str(tmp_path / word))
    monkeypatch.setattr(examine, "MEASURED", 0.1)


def sentence(text: str) -> str:
    """The one line that a person is told."""
    (line,) = text.strip().splitlines()
    assert line.startswith("internvideo: ")
    return line


@pytest.mark.parametrize("name", EVERY)
def test_the_plan_of_the_miniature(name, nothing_here, monkeypatch, capsys):
    monkeypatch.setattr(plan, "videos_of_an_epoch", lambda experiment: (640, "made up"))
    code = main(["plan", name, "--mini", "--gpu", "h100"])
    shown = capsys.readouterr()
    if code:
        assert any(words in sentence(shown.err) for words in NO_PLAN)
    else:
        assert "operations a clip" in shown.out


@pytest.mark.parametrize("name", [case for case in EVERY if case.id != "demo"])  # the demo makes its own data
def test_the_doctor_without_data(name, nothing_here, capsys):
    code = main(["doctor", name, "--json"])
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert code == 2
    assert "cannot run yet" in sentence(shown.err)
    failing = {check["name"].split(",")[0] for check in report["checks"] if check["verdict"] == "fails"}
    assert failing <= {"parent", "official lists", "folder", "labels"}  # never the model or its parts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ego4d/fhp", "ego4d/sta", "ego4d/scod", "openset/ucf101_mit"])
def test_a_measured_plan(name, nothing_here, monkeypatch, capsys):
    monkeypatch.setattr(plan, "videos_of_an_epoch", lambda experiment: (640, "made up"))
    monkeypatch.setattr(plan, "probed", partial(pace.probed, seconds=0.0))
    assert main(["plan", name, "--mini"]) == 0
    assert "measured: 1 steps" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", [*filter(lambda name: name.startswith("ego4d/"), NAMES), "navigate/r2r_ce"])
def test_the_doctor_on_the_miniature(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(examine, "MEASURED", 0.1)
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    assert main(["doctor", name, "--mini", "--sample", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in report["checks"] if check["verdict"] == "fails"] == []

"""Navigation from the command line: rows of three agents, a map, a log and a submission, and what is refused."""

import csv
import json

import numpy as np
import pytest

from data_modules.r2r_ce import read_episodes
from internvideo_pl.__main__ import main
from internvideo_pl.data.mini.r2r_ce import FOLDER
from internvideo_pl.folders import cache_folder
from internvideo_pl.submissions.r2r_ce import submission_problems
from internvideo_pl.tables.row import read_rows
from internvideo_pl.tables.safe_svg import safe_svg

SIZES = {"scenes": 2, "unseen": 1, "routes": 2, "instructions": 1}
WORDS = [
    *(
        "trainer.max_steps=2",
        "data.batch_size=2",
        "objective.max_decisions=3",
        "objective.train_decisions=4",
        "objective.grid=2.0",
        "data.size=48",
    ),
    *(f"data.mini_sizes.{name}={value}" for name, value in SIZES.items()),
    *("objective.head.width=16", "objective.head.depth=1", "objective.head.heads=2", "wandb.mode=disabled"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    assert main(["run", "navigate/r2r_ce", "--mini", f"paths.results={results}", *WORDS]) == 0
    return results / "navigate/r2r_ce/001"


def test_a_run_writes_rows_of_three_agents_a_map_a_log_and_a_submission(folder):
    rows, _ = read_rows(folder)
    assert {row.model for row in rows} == {
        "both encoders frozen, policy after HAMT",
        "random agent",
        "forward-only agent",
    }
    assert {row.benchmark for row in rows} == {"vlnce_r2r"}
    (own,) = (row for row in rows if row.model.startswith("both"))
    (blind,) = (row for row in rows if row.model == "random agent")
    assert own.fingerprint == blind.fingerprint
    assert own.chance["SR"] == blind.metrics["SR"]
    assert own.coverage.complete
    submission = json.loads((folder / "submission_val_unseen.json").read_text())
    log = json.loads((folder / "episodes_val_unseen.json").read_text())
    assert submission.keys() == log.keys() == {"1", "2"}
    assert submission_problems(submission, {key: run[0]["position"] for key, run in submission.items()}) == []
    assert np.mean([entry["path_length"] for entry in log.values()]) == pytest.approx(own.metrics["TL"])
    assert np.mean([entry["spl"] for entry in log.values()]) * 100 == pytest.approx(own.metrics["release/SPL"])
    drawn = safe_svg((folder / "routes.svg").read_text())
    assert drawn is not None
    assert drawn in (folder / "report.html").read_text()
    assert (folder / "routes.png").is_file()
    with (folder / "metrics.csv").open() as lines:
        logged = {name: value for line in csv.DictReader(lines) for name, value in line.items() if value}
    assert float(logged["test/TL"]) == pytest.approx(own.metrics["TL"])  # not that of an agent that sees nothing
    assert float(logged["test/random agent/TL"]) == pytest.approx(blind.metrics["TL"])


def test_the_hidden_test_split_gives_a_submission_and_no_figures(folder, tmp_path):
    words = [*WORDS, "data.test_on=test", "trainer.max_steps=0", f"parents.agent={folder}"]
    assert main(["run", "navigate/r2r_ce", "--mini", f"paths.results={tmp_path}", *words]) == 0
    made = tmp_path / "navigate/r2r_ce/001"
    assert len(json.loads((made / "submission_test.json").read_text())) == 2
    assert not (made / "episodes_test.json").exists()
    (row,) = read_rows(made)[0]
    assert row.metrics == {"episodes": 2.0}


def test_a_scene_that_is_not_there_makes_the_submission_incomplete(folder, tmp_path, capsys):
    words = [*WORDS, "data.mini_sizes.unseen=2", "data.test_on=test", "trainer.max_steps=0", f"parents.agent={folder}"]
    test = ["run", "navigate/r2r_ce", "--mini", *words]
    assert main([*test, f"paths.results={tmp_path / 'whole'}"]) == 0
    whole = json.loads((tmp_path / "whole/navigate/r2r_ce/001/submission_test.json").read_text())
    roots = [path for path in (cache_folder() / "mini").glob("r2r_ce-*") if path.is_dir()]
    (root,) = [path for path in roots if json.loads((path / "manifest.json").read_text())["options"]["unseen"] == 2]
    lost = read_episodes(root / FOLDER / "test/test.json.gz")[0].scene
    (root / "scene_datasets" / lost).unlink()
    capsys.readouterr()
    assert main([*test, f"paths.results={tmp_path}"]) == 0
    made = tmp_path / "navigate/r2r_ce/001"
    assert not (made / "submission_test.json").exists()
    lacking = json.loads((made / "submission_test-incomplete.json").read_text())
    assert len(lacking) == len(whole) - 2
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "submission_test-incomplete.json" in line]
    assert f"2 of 4 episodes are missing: {', '.join(sorted(whole.keys() - lacking.keys()))}" in told


def test_encoders_that_learned_nothing_are_refused_at_full_size(tmp_path, capsys):
    words = [f"data.root={tmp_path}", f"paths.results={tmp_path}", "~parents.masked", "~parents.multimodal"]
    assert main(["run", "navigate/r2r_ce", *words]) == 2
    assert "R2R-CE was not found" in capsys.readouterr().err


def test_an_agent_of_another_size_is_refused(folder, tmp_path, capsys):
    words = [*WORDS, "objective.head.width=8", f"parents.agent={folder}", f"paths.results={tmp_path}"]
    assert main(["run", "navigate/r2r_ce", "--mini", *words]) == 2
    assert "is another model" in capsys.readouterr().err


@pytest.mark.slow
def test_far_above_agents_that_see_nothing_in_houses_never_seen(tmp_path):
    assert main(["run", "navigate/r2r_ce", "--mini", f"paths.results={tmp_path}", "wandb.mode=disabled"]) == 0
    rows, _ = read_rows(tmp_path / "navigate/r2r_ce/001")
    figures = {row.model: row.metrics for row in rows}
    own = figures.pop("both encoders frozen, policy after HAMT")
    assert figures.keys() == {"random agent", "forward-only agent"}
    for blind in figures.values():
        assert own["SR"] > 20 + blind["SR"]
        assert own["SPL"] > 15 + blind["SPL"]
        assert own["release/SR"] > 20 + blind["release/SR"]
        assert own["nDTW"] > 10 + blind["nDTW"]
        assert own["NE"] < blind["NE"] - 1

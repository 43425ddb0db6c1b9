import json

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import latest_done, mark_done, new_run_folder


def test_runs_of_an_experiment_are_numbered(tmp_path):
    folders = [new_run_folder(tmp_path, "pretrain/masked") for _ in range(3)]
    assert [folder.relative_to(tmp_path).as_posix() for folder in folders] == [
        "pretrain/masked/001",
        "pretrain/masked/002",
        "pretrain/masked/003",
    ]


def test_a_chosen_folder_is_taken_when_empty_and_refused_when_not(tmp_path):
    chosen = tmp_path / "mine"
    assert new_run_folder(tmp_path, "demo", chosen) == chosen
    (chosen / "table.md").write_text("precious")
    with pytest.raises(UserError, match="already holds a run; choose an empty folder"):
        new_run_folder(tmp_path, "demo", chosen)
    assert (chosen / "table.md").read_text() == "precious"


def test_results_that_cannot_be_written_are_one_sentence(tmp_path):
    blocked = tmp_path / "results"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(UserError, match=r"cannot write the run's results under .*results.*choose another folder"):
        new_run_folder(blocked, "demo")


def test_the_latest_finished_run_of_the_same_form_is_found(tmp_path):
    first, second, third, unfinished = (new_run_folder(tmp_path, "a") for _ in range(4))
    mark_done(first, {"mini": True})
    mark_done(second, {"mini": True})
    mark_done(third, {"mini": False})
    assert latest_done(tmp_path, "a", mini=True) == second
    assert latest_done(tmp_path, "a", mini=False) == third
    assert latest_done(tmp_path, "b", mini=True) is None
    assert not (unfinished / "done.json").exists()
    assert json.loads((third / "done.json").read_text()) == {"mini": False}

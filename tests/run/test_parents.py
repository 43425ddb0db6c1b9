"""Parents of a miniature that were never run are run first, by one command."""

import json

import pytest

from internvideo_pl import run
from internvideo_pl.config import load_experiment
from internvideo_pl.run.parents import missing_parents, shared
from internvideo_pl.run.schemas import SCHEMAS

CHILD, PARENT = "zeroshot/k400_base", "pretrain/align_msrvtt_base"


def finished(results, name: str, mini: bool) -> None:
    folder = results / name / "001"
    folder.mkdir(parents=True)
    (folder / "done.json").write_text(json.dumps({"mini": mini}))


@pytest.mark.parametrize(
    ("mini", "there", "missing"),
    [(True, None, [PARENT]), (True, False, [PARENT]), (True, True, []), (False, None, [])],
)
def test_only_miniatures_run_parents_and_only_those_of_their_form_that_are_not_there(tmp_path, mini, there, missing):
    if there is not None:
        finished(tmp_path, PARENT, mini=there)
    experiment = load_experiment(CHILD, [f"paths.results={tmp_path}"], mini, schemas=SCHEMAS)
    assert missing_parents(experiment) == missing


def test_files_and_released_weights_are_no_runs(tmp_path):
    words = [f"paths.results={tmp_path}", f"parents.backbone={tmp_path / 'model.safetensors'}"]
    assert missing_parents(load_experiment(CHILD, words, True, schemas=SCHEMAS)) == []
    words[1] = "parents.backbone=clip_b16"
    assert missing_parents(load_experiment(CHILD, words, True, schemas=SCHEMAS)) == []


def test_a_parent_gets_the_folders_and_the_log_but_no_setting_of_its_child():
    words = ["paths.results=a", "paths.run=b", "wandb.mode=disabled", "data.size=32", "trainer.max_steps=3", "~parents"]
    assert shared(words) == ["paths.results=a", "wandb.mode=disabled"]


def test_the_parent_runs_before_its_child(tmp_path, monkeypatch, capsys):
    order = []

    def run_one(experiment, folder, *_, **__):
        order.append((experiment.name, experiment.mini))
        (folder / "done.json").write_text(json.dumps({"mini": experiment.mini}))

    monkeypatch.setattr(run, "run_one", run_one)
    monkeypatch.setattr(run, "summarize", lambda *_: None)
    words = [f"paths.results={tmp_path}"]
    run.main(CHILD, words, mini=True)
    run.main(CHILD, words, mini=True)
    assert order == [(PARENT, True), (CHILD, True), (CHILD, True)]
    assert f"{CHILD} starts from {PARENT}, of which there is no run yet" in capsys.readouterr().err

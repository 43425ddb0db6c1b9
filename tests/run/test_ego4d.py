"""Ego4D's tasks from pixels to the row and the server's file, on few clips and for few steps."""

import json
from pathlib import Path

import pytest

from data_modules.ego4d import TEST, Footage
from data_modules.ego4d_fhp import read_fhp
from data_modules.ego4d_mq import read_moments
from data_modules.ego4d_nlq import read_clips
from internvideo_pl.__main__ import main
from internvideo_pl.folders import cache_folder
from internvideo_pl.submissions.ego4d_fhp import fhp_problems
from internvideo_pl.submissions.ego4d_mq import mq_problems
from internvideo_pl.submissions.ego4d_nlq import nlq_problems

FEW = ["data.mini_sizes.train=10", "data.mini_sizes.val=4", "data.mini_sizes.test=2"]
SHORT = [*FEW, "data.mini_sizes.frames=64"]


def run(name: str, results: Path, *words: str) -> Path:
    shared = [f"paths.results={results}", "wandb.mode=disabled"]
    assert main(["run", name, "--mini", *shared, *words]) == 0
    return max((results / name).iterdir())


def row(folder: Path) -> dict:
    (path,) = folder.glob("row-*.json")
    return json.loads(path.read_text())


def submission(folder: Path) -> dict:
    assert not (folder / "submission-incomplete.json").exists()
    return json.loads((folder / "submission.json").read_text())


def mini(name: str) -> Path:
    (found,) = [path for path in (cache_folder() / "mini").glob(f"{name}-*") if path.is_dir() and _few(path)]
    return found


def _few(folder: Path) -> bool:
    return json.loads((folder / "manifest.json").read_text())["options"]["train"] == 10


def test_hands_are_scored_on_val_and_predicted_for_the_hidden_test(tmp_path, capsys):
    few = [*FEW, "data.batch_size=8", "trainer.max_steps=2"]
    folder = run("ego4d/fhp", tmp_path, *few)
    found = row(folder)
    assert found["headline"] == "500 / total displacement"
    assert found["metrics"][found["headline"]] == pytest.approx(500 / found["metrics"]["total displacement"])
    assert set(found["chance"]) == set(found["metrics"])
    assert found["coverage"] == {"used": 8, "official": 8, "missing": []}
    assert "500 / total displacement" in capsys.readouterr().out
    footage = Footage(mini("ego4d_fhp"))
    keys = [sample.key for sample in read_fhp(footage.root, "val", footage).samples]
    assert fhp_problems(submission(folder), keys) == []
    trained = ["trainer.max_steps=0", f"parents.trained={folder}"]
    hidden = run("ego4d/fhp", tmp_path, *few, *trained, "data.test_on=test")
    keys = [sample.key for sample in read_fhp(footage.root, TEST, footage).samples]
    assert fhp_problems(submission(hidden), keys) == []
    assert not list(hidden.glob("row-*.json"))
    again = run("ego4d/fhp", tmp_path, *few, *trained)
    assert row(again)["metrics"] == found["metrics"]  # the same model, tested again
    assert main(["run", "ego4d/fhp", "--mini", f"parents.trained={folder}", "objective.head.pool=mean"]) == 2
    assert "holds another model, " in capsys.readouterr().err


def test_a_clip_that_is_not_there_makes_the_submission_incomplete(tmp_path, capsys):
    few = [*FEW, "data.batch_size=8", "trainer.max_steps=1", "data.mini_sizes.val=5"]
    run("ego4d/fhp", tmp_path / "whole", *few)
    roots = [path for path in (cache_folder() / "mini").glob("ego4d_fhp-*") if path.is_dir()]
    (root,) = [r for r in roots if json.loads((r / "manifest.json").read_text())["options"]["val"] == 5]
    footage = Footage(root)
    lost = read_fhp(root, "val", footage).samples[0]
    Path(lost.path).unlink()
    folder = run("ego4d/fhp", tmp_path, *few)
    assert row(folder)["coverage"] == {"used": 9, "official": 10, "missing": [lost.key]}
    assert (folder / "submission-incomplete.json").is_file()
    assert f"1 of 10 clips are missing: {lost.key}" in capsys.readouterr().err


def test_queries_from_pixels_to_the_row(tmp_path):
    features = run("features/ego4d_nlq_large", tmp_path, *SHORT, "~parents.backbone")
    few = [*SHORT, "~parents.backbone", f"parents.features={features}", "trainer.max_steps=3", "data.batch_size=4"]
    folder = run("ego4d/nlq", tmp_path, *few)
    found = row(folder)
    assert found["headline"] == "R@1 IoU=0.3"
    assert set(found["chance"]) <= set(found["metrics"])
    root = mini("ego4d_nlq")
    for where, split in ((folder, "val"), (run("ego4d/nlq", tmp_path, *few, "data.test_on=test"), TEST)):
        keys = [query.key for *_, queries in read_clips(root, split) for query in queries if query.question]
        assert keys
        assert nlq_problems(submission(where), keys) == []


@pytest.mark.slow
def test_moments_from_pixels_to_the_row(tmp_path):
    features = run("features/ego4d_mq_large", tmp_path, *SHORT, "~parents.backbone")
    few = [*SHORT, f"parents.features={features}", "trainer.max_steps=3", "data.batch_size=4"]
    folder = run("ego4d/mq", tmp_path, *few)
    found = row(folder)
    assert found["headline"] == "avg_mAP"
    assert "retrieval/Recall@1x tIoU=0.5" in found["metrics"]
    root = mini("ego4d_mq")
    listed = [clip for split in ("train", "val") for clip, *_ in read_moments(root, split)]
    labels = {each.label for clip in listed for each in clip.instances}
    for where, split in ((folder, "val"), (run("ego4d/mq", tmp_path, *few, "data.test_on=test"), TEST)):
        clips = [clip.key for clip, *_ in read_moments(root, split)]
        assert mq_problems(submission(where), clips, labels) == []

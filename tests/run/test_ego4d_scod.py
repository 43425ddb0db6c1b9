"""State-change object detection from pixels to its row and the server's file, on few clips and for few steps."""

import json
from pathlib import Path

import pytest

from data_modules.ego4d_scod import Ego4dScod, Ego4dScodConfig
from internvideo_pl.__main__ import main
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.run.folder import latest_done
from internvideo_pl.submissions.ego4d_scod import scod_problems

pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed: the extra `detection`")


@pytest.fixture(scope="module")
def mini(tmp_path_factory) -> Path:
    return make_mini("ego4d_scod", tmp_path_factory.mktemp("mini"), workers=1, train=8, val=3, test=2)


def run(root: Path, results: Path, *words: str) -> Path:
    few = ["data.batch_size=4", f"data.root={root}", "wandb.mode=disabled", f"paths.results={results}"]
    assert main(["run", "ego4d/scod", "--mini", *few, *words]) == 0
    folder = latest_done(results, "ego4d/scod", mini=True)
    assert folder is not None
    return folder


def images(root: Path, test_on: str) -> list[int]:
    base = {"num_frames": 3, "size": 48, "short_side": 48, "batch_size": 2}
    return Ego4dScod(Ego4dScodConfig(name="ego4d_scod", test_on=test_on, **base), root).official_changes().images


def test_scored_on_val_and_predicted_for_the_hidden_test(mini, tmp_path) -> None:
    folder = run(mini, tmp_path, "trainer.max_steps=2")
    row = json.loads(next(folder.glob("row-*.json")).read_text())
    assert row["headline"] == "AP"
    assert set(row["metrics"]) >= set(row["chance"]) == {"AP", "AP50", "AP75"}
    assert row["coverage"] == {"used": 3, "official": 3, "missing": []}
    assert scod_problems(json.loads((folder / "submission.json").read_text()), images(mini, "val")) == []
    hidden = run(mini, tmp_path, "trainer.max_steps=0", f"parents.trained={folder}", "data.test_on=test")
    assert scod_problems(json.loads((hidden / "submission.json").read_text()), images(mini, "test")) == []
    assert not list(hidden.glob("row-*.json"))


def test_without_the_servers_image_ids_the_hidden_submission_is_not_whole(mini, tmp_path, capsys) -> None:
    ids = mini / "v1/coco_annotations/test.json"
    kept = ids.read_bytes()
    ids.unlink()
    folder = run(mini, tmp_path, "trainer.max_steps=1", "data.test_on=test")
    ids.write_bytes(kept)
    assert "image ids are ours, from 1" in capsys.readouterr().err
    assert not (folder / "submission.json").exists()
    assert (folder / "submission-incomplete.json").exists()


def test_a_clip_that_is_not_there_makes_the_submission_incomplete(mini, tmp_path, capsys) -> None:
    listed = json.loads((mini / "v1/annotations/fho_scod_val.json").read_text())["clips"]
    lost = mini / f"v1/clips/{listed[0]['clip_uid']}.mp4"
    kept = lost.read_bytes()
    lost.unlink()
    folder = run(mini, tmp_path, "trainer.max_steps=1")
    lost.write_bytes(kept)
    row = json.loads(next(folder.glob("row-*.json")).read_text())
    assert (row["coverage"]["used"], row["coverage"]["official"]) == (2, 3)
    assert "3 of 9 images are missing: 1, 2, 3" in capsys.readouterr().err
    assert not (folder / "submission.json").exists()
    assert len({result["image_id"] for result in json.loads((folder / "submission-incomplete.json").read_text())}) == 6

"""Temporal localisation from pixels to rows on small miniatures: whole, resumed, with scores of videos."""

import json
from pathlib import Path

import pytest
import torch

from internvideo_pl.__main__ import main
from internvideo_pl.data.features.file import read_features
from internvideo_pl.modules.extraction import FeatureExtraction
from internvideo_pl.run.folder import DONE, REPORT
from internvideo_pl.tables.row import Row, read_rows

QUIET = ["wandb.mode=disabled"]
FEW = ["data.mini_sizes={train: 6, val: 4, frames: 60}"]
RAW = [*QUIET, *FEW, "~parents.backbone"]  # features of an encoder that has learned nothing


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return tmp_path / "results"


def run(name: str, *words: str) -> int:
    return main(["run", name, "--mini", *words])


def only_row(folder: Path) -> Row:
    (row,), problems = read_rows(folder)
    assert not problems
    return row


def test_thumos14_from_pixels_to_its_row_and_on_after_a_kill(results, capsys, monkeypatch):
    assert run("features/thumos14_huge", *RAW) == 0
    folder = results / "features" / "thumos14_huge" / "001"
    files = sorted((folder / "features").glob("*.safetensors"))
    assert len(files) == 10
    assert only_row(folder).metrics == {"videos": 10.0}
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    # As a kill in the middle leaves it: two files and the end are missing.
    for path in (files[2], files[7], folder / DONE, folder / REPORT, *folder.glob("row-*.json")):
        path.unlink()
    seen: set[int] = set()
    step = FeatureExtraction.test_step
    monkeypatch.setattr(
        FeatureExtraction,
        "test_step",
        lambda self, batch, n: (seen.update(batch.index.tolist()), step(self, batch, n))[1],
    )
    assert run("features/thumos14_huge", *RAW) == 0
    assert len(seen) == 2  # nothing else was read again
    for path in files:
        content, changed = before[path.name]
        assert path.read_bytes() == content
        assert (path.stat().st_mtime_ns == changed) == (path not in (files[2], files[7]))

    words = [*QUIET, *FEW, f"parents.features={folder}", "trainer.max_steps=2"]
    assert run("localize/thumos14", *words) == 0
    row = only_row(results / "localize" / "thumos14" / "001")
    assert row.benchmark == "thumos14"
    assert row.headline == "avg_mAP"
    assert (row.protocol["split"], row.protocol["tiou"]) == ("test", "0.3:0.1:0.7")
    assert {"mAP@0.3", "mAP@0.7", "thumos14/mAP@0.5"} <= row.metrics.keys()
    assert row.coverage.complete
    assert row.parents.keys() == {"features"}

    # A test video without features is missing, and bounds say what it could do.
    gone = next(path for path in files if path.name.startswith("video_test"))
    gone.unlink()
    assert run("localize/thumos14", *words) == 0
    row = only_row(results / "localize" / "thumos14" / "002")
    assert (row.coverage.used, row.coverage.official, row.coverage.missing) == (3, 4, (gone.stem,))
    assert row.metrics["avg_mAP/low"] == row.metrics["avg_mAP"] < row.metrics["avg_mAP/high"]

    capsys.readouterr()
    assert run("localize/thumos14", *words, "backbone.width=97") == 2
    assert "the features are 96 wide, not backbone.width=97: set it to theirs" in capsys.readouterr().err
    assert run("localize/thumos14", *QUIET, *FEW, "parents.features=no/such/folder") == 2
    assert "reads the features of 'no/such/folder', of which there are none" in capsys.readouterr().err


def test_features_come_from_every_kind_of_backbone(results):
    name, joined = "features/thumos14_huge", "features/thumos14_coordinated"
    few = [*QUIET, "data.mini_sizes={train: 1, val: 1, frames: 24}", "~parents.backbone"]
    for which, words in ((name, ["backbone.name=video_tower"]), (name, ["backbone.name=multimodal"]), (joined, [])):
        assert run(which, *few, *words) == 0
    assert len(list((results / "features").glob("*/*/features/*.safetensors"))) == 3
    for folder in (results / "features").glob("*/*/features"):
        for path in folder.glob("*.safetensors"):
            found = read_features(str(path))
            assert found.seconds[0] == pytest.approx(0.5)  # eight frames, eight a second
            assert torch.from_numpy(found.features).isfinite().all()


def test_activitynet_takes_class_names_from_scores_of_whole_videos(results, tmp_path, capsys):
    assert run("features/activitynet_huge", *RAW) == 0
    features = results / "features" / "activitynet_huge" / "001"
    words = [*QUIET, *FEW, f"parents.features={features}", "trainer.max_steps=1"]
    assert run("finetune/activitynet_masked_huge", *RAW, "trainer.max_steps=1") == 0
    scores = results / "finetune" / "activitynet_masked_huge" / "001"
    told = json.loads((scores / "scores.json").read_text())["results"]
    assert len(told) == 4
    assert all(sum(each["score"] for each in row) == pytest.approx(1, abs=1e-4) for row in told.values())
    assert run("localize/activitynet", *words, f"parents.scores={scores}") == 0
    row = only_row(results / "localize" / "activitynet" / "001")
    assert row.protocol["class_scores"] == "of the video"
    assert row.parents.keys() == {"features", "scores"}
    (tmp_path / "scores.json").write_text(json.dumps({"results": {"abc": [{"label": "Blue", "score": 1}]}}))
    capsys.readouterr()
    assert run("localize/activitynet", *words, f"parents.scores={tmp_path / 'scores.json'}") == 2
    assert "video abc: there is no class 'Blue'" in capsys.readouterr().err
    assert run("localize/activitynet", *words, "~parents.scores") == 2
    assert "takes classes from scores of whole videos" in capsys.readouterr().err

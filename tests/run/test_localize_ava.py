"""Spatio-temporal localisation from pixels to a row, on the miniatures."""

import json
from pathlib import Path

from internvideo_pl.__main__ import main
from internvideo_pl.config import load_experiment
from internvideo_pl.run.folder import latest_done
from internvideo_pl.run.schemas import SCHEMAS

SMALL = ["data.mini_sizes.train=48", "data.mini_sizes.val=16", "trainer.max_steps=70", "data.batch_size=24"]


def row(name: str, results: Path, *words: str) -> dict:
    common = [f"paths.results={results}", "wandb.mode=disabled"]
    assert main(["run", name, "--mini", *common, *words]) == 0
    folder = latest_done(results, name, mini=True)
    assert folder is not None
    return json.loads(next(folder.glob("row-*.json")).read_text())


def test_films_to_a_row_far_above_chance(tmp_path) -> None:
    found = row("localize/ava", tmp_path, "parents={}", *SMALL)
    assert found["benchmark"] == "ava22"
    assert found["headline"] == "mAP@0.5"
    assert found["metrics"]["mAP@0.5"] > 2 * found["chance"]["mAP@0.5"] > 4
    assert found["coverage"]["used"] == found["coverage"]["official"] > 30
    assert found["protocol"]["detections"] == "ava_val_predicted_boxes.csv"


def test_recipes_are_the_releases() -> None:
    experiment = load_experiment("localize/ava_kinetics", schemas=SCHEMAS)
    data, optimizer = experiment.data, experiment.optimizer
    assert (data.num_frames, data.stride, data.frame_rate, data.edges) == (16, 4, 25, "stretch")
    assert (data.test_view, data.detection_score, list(data.box_growth)) == ("full", 0.8, [0.1, 0.05])
    assert (optimizer.lr, optimizer.layer_decay, optimizer.weight_decay) == (2.5e-4, 0.75, 0.05)
    assert experiment.trainer.max_epochs == 30

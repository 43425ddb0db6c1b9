"""Pictures and tables of a test: they show what the metric found."""

import csv

import numpy as np
import torch
from PIL import Image

from internvideo_pl.callbacks.heatmap import heatmap
from internvideo_pl.callbacks.insight import recognition_insight, similarity_map
from internvideo_pl.callbacks.run_curves import RunCurves
from internvideo_pl.data.batch import Clip
from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.retrieval import Retrieval


def scored(given: list[int], true: list[int], classes: int = 6) -> Recognition:
    metric = Recognition(classes, len(true))
    logits = torch.full((len(true), classes), -4.0)
    logits[torch.arange(len(true)), torch.tensor(given)] = 4.0
    metric.update(logits, torch.tensor(true), torch.arange(len(true)))
    metric.compute()
    return metric


def test_confusions_are_counted_and_the_wrong_clips_shown(tmp_path):
    clips = [[Clip(torch.full((4, 48, 48, 3), 20 * i, dtype=torch.uint8), i)] for i in range(5)]
    clips[3] = [Clip(None, 3)]  # wrong as well, but it cannot be read
    metric = scored([0, 2, 2, 1, 4], [0, 1, 2, 4, 4])
    found = recognition_insight(metric, [f"class {i}" for i in range(6)], clips, tmp_path)
    assert [preview.path.name for preview in found] == ["confusion.png", "worst.png"]
    lines = list(csv.reader((tmp_path / "confusion.csv").open()))
    assert lines[0] == ["true", "given", "videos"]
    assert ["class 1", "class 2", "1"] in lines
    assert ["class 4", "class 1", "1"] in lines
    assert sum(int(line[2]) for line in lines[1:]) == 5
    assert Image.open(tmp_path / "worst.png").height < 2 * 112 + 100  # one row: the readable one that was wrong


def test_nothing_wrong_is_no_picture_of_wrong_clips(tmp_path):
    found = recognition_insight(scored([0, 1], [0, 1]), list("abcdef"), [], tmp_path)
    assert [preview.path.name for preview in found] == ["confusion.png"]


def test_pairs_stand_on_the_diagonal(tmp_path):
    metric = Retrieval(16, 9)
    features = torch.eye(16)[:9]
    order = torch.tensor([4, 0, 8, 1, 2, 3, 7, 6, 5])
    metric.update(order, features[order], features[order])
    (preview,) = similarity_map(metric, tmp_path)
    assert "diagonal, whose mean is 1.000, that of all 0.111" in preview.caption
    picture = np.asarray(Image.open(preview.path).convert("L")).astype(int)
    bright = picture > 190
    rows, columns = bright[80:, 30:].nonzero()
    assert np.corrcoef(rows, columns)[0, 1] > 0.97  # cells are squares, not points


def test_a_heatmap_of_one_value_or_many_names(tmp_path):
    for matrix, names in ((np.ones((1, 1)), ["a"]), (np.random.rand(200, 3), [str(i) for i in range(200)])):
        path = heatmap(matrix, tmp_path / "map.png", "title", "r", "c", names)
        assert Image.open(path).size[0] >= 420


def test_names_have_the_room_that_they_take(tmp_path):
    widths = []
    for name in ("a", "a purple shape moving left", "b" * 500):
        path = heatmap(np.eye(20), tmp_path / "map.png", "title", "r", "c", [name] * 20)
        widths.append(Image.open(path).size[0])
    assert widths[0] < widths[1] < widths[2] < widths[0] + 300


class Trainer:
    is_global_zero = True

    def __init__(self):
        self.loggers, self.logged = [self], []

    def log_image(self, name, images, step=None, caption=None):
        self.logged.append((name, images))


def test_losses_and_gates_are_drawn_and_handed_on(tmp_path):
    rows = "".join(f"{i},{1 / (i + 1)},{i / 10},{i / 20},1e-3\n" for i in range(9))
    (tmp_path / "metrics.csv").write_text("step,train/loss,gates/blocks.2,gates/blocks.3,lr\n" + rows)
    trainer = Trainer()
    RunCurves(tmp_path).on_train_end(trainer, None)
    assert {path.name for path in tmp_path.glob("curves_*")} == {
        *("curves_train.svg", "curves_train.png", "curves_gates.svg", "curves_gates.png")
    }
    assert [name for name, _ in trainer.logged] == ["curves_train", "curves_gates"]
    assert "blocks.2 from" in (tmp_path / "curves_gates.svg").read_text()
    (tmp_path / "metrics.csv").write_text("not a log")
    RunCurves(tmp_path).on_train_end(trainer, None)  # a damaged log ends no run

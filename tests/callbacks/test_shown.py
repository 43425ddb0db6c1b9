"""Pictures on their way to files and loggers, and when a run draws them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from internvideo_pl.callbacks import previews as previews_module
from internvideo_pl.callbacks.pictures import Preview
from internvideo_pl.callbacks.previews import Previews
from internvideo_pl.callbacks.run_curves import RunCurves, ends_of_quarters
from internvideo_pl.callbacks.shown import draw, log_preview
from internvideo_pl.tables.drawing import Drawing, box


class Log:
    """A logger that keeps what it is handed."""

    def __init__(self):
        self.shown: list[tuple[str, str]] = []

    def log_image(self, key, images, step=None, caption=None):
        assert all(Path(path).is_file() for path in images)
        self.shown += [(key, Path(path).name) for path in images]


def trainer(**changes) -> SimpleNamespace:
    fields = {"loggers": [object(), Log()], "is_global_zero": True, "global_step": 0, "max_steps": 40}
    return SimpleNamespace(**{**fields, **changes})


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("reconstruction_000750.png", "reconstruction"),
        ("reconstruction_100000.png", "reconstruction"),
        ("reconstruction_1234567.png", "reconstruction"),
        ("reconstruction.png", "reconstruction"),
        ("curves_train.png", "curves_train"),
        ("a_0b.png", "a_0b"),
    ],
)
def test_pictures_of_one_kind_are_one_series(tmp_path, name, series):
    Image.new("RGB", (2, 2)).save(tmp_path / name)
    run = trainer()
    log_preview(Preview(tmp_path / name, "words"), run)
    assert run.loggers[1].shown == [(series, name)]


def test_of_a_drawing_loggers_get_the_pixels(tmp_path):
    drawing = Drawing(20, 10, [box(2, 2, 5, 5, "good")], "a box")
    run = trainer()
    log_preview(Preview(draw(drawing, tmp_path / "box.svg"), "words"), run)
    assert run.loggers[1].shown == [("box", "box.png")]
    assert Image.open(tmp_path / "box.png").size == (40, 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["box.png", "box.svg"]


def test_curves_are_drawn_at_each_quarter(tmp_path):
    curves, run = RunCurves(tmp_path), trainer()
    drawn = []
    for step in range(1, 41):
        rows = "".join(f"{i},{1 / (i + 1)}\n" for i in range(step))
        (tmp_path / "metrics.csv").write_text("step,train/loss\n" + rows)
        run.global_step = step
        before = len(run.loggers[1].shown)
        for _ in range(2):  # a step of two accumulated batches
            curves.on_train_batch_end(run, None, None, None, 0)
        drawn += [step] * (len(run.loggers[1].shown) - before)
    assert drawn == [10, 20, 30]
    assert (tmp_path / "curves_train.svg").is_file()
    assert run.loggers[1].shown[0] == ("curves_train", "curves_train.png")
    curves.on_train_end(run, None)
    assert len(run.loggers[1].shown) == 4


def test_a_run_of_a_few_steps_has_no_quarter_before_its_start():
    assert ends_of_quarters(40) == {10, 20, 30}
    assert ends_of_quarters(2) == {1}
    assert ends_of_quarters(1) == set()


def test_augmented_clips_are_drawn_once_and_before_training(tmp_path, monkeypatch):
    def drawn(data, folder):
        Image.new("RGB", (2, 2)).save(folder / "augmented.png")
        return Preview(folder / "augmented.png", "words")

    monkeypatch.setattr(previews_module, "augmented_previews", drawn)
    data = SimpleNamespace(config=SimpleNamespace(augment=SimpleNamespace(active=True)), shown=list)
    run = trainer(datamodule=data)
    Previews(tmp_path).on_train_start(run, None)
    assert run.loggers[1].shown == [("augmented", "augmented.png")]
    run.global_step = 7  # a later start of the run
    again = Previews(tmp_path)
    again.on_train_start(run, None)
    assert len(run.loggers[1].shown) == 1
    again.on_test_end(run, None)
    assert [preview.path.name for preview in again.previews] == ["augmented.png"]
    data.config.augment.active = False
    run.global_step = 0
    Previews(tmp_path).on_train_start(run, None)
    assert len(run.loggers[1].shown) == 1

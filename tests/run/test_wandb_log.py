"""The offline file of a run that goes on: it begins with what earlier starts have logged and drawn."""

import time
from types import SimpleNamespace

import pytest
import wandb
from PIL import Image

from internvideo_pl.run.metrics_log import MetricsLog
from internvideo_pl.run.wandb_log import WandbLog
from tests.run.wandb_file import history

ROWS = "step,train/loss\n" + "".join(f"{i},{i / 10}\n" for i in range(120_000, 120_008))


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")


def start(folder, step: int) -> WandbLog:
    words = SimpleNamespace(mode="offline", project="internvideo", entity=None, tags=[])
    experiment = SimpleNamespace(name="pretrain/x", wandb=words)
    return WandbLog(experiment, folder, "abc", MetricsLog(folder, step), step)


def read(folder, last: str) -> dict:
    """What was logged, once it is on the disk: another process of Weights & Biases writes it there."""
    end = time.monotonic() + 20
    while last not in (logged := history(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return logged


def test_a_run_that_goes_on_has_its_earlier_pictures(tmp_path):
    names = ("augmented", "reconstruction_120002", "reconstruction_120004", "reconstruction_120006", "curves_train")
    for name in (*names, "reconstruction", "worst"):
        Image.new("RGB", (3, 3)).save(tmp_path / f"{name}.png")
    for _ in range(2):  # however often it is started
        (tmp_path / "metrics.csv").write_text(ROWS)
        start(tmp_path, 120_005)
        wandb.finish()
        logged = read(tmp_path, "curves_train")
        assert logged["train/loss"] == [i / 10 for i in range(120_000, 120_005)]
        assert [len(logged[name]) for name in ("augmented", "reconstruction", "curves_train")] == [1, 2, 1]
        captions = [picture["captions"] for picture in logged["reconstruction"]]
        assert captions == [["after step 120,002"], ["after step 120,004"]]  # the third is drawn again
        assert "worst" not in logged


def test_a_first_start_has_none(tmp_path):
    Image.new("RGB", (3, 3)).save(tmp_path / "augmented.png")
    log = start(tmp_path, 0)
    log.log_metrics({"train/loss": 1.0}, 0)
    wandb.finish()
    logged = read(tmp_path, "train/loss")
    assert logged["train/loss"] == [1.0]
    assert "augmented" not in logged

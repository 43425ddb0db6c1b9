"""A pipeline that is stopped and killed, and goes on: finished stages are kept, unfinished ones continued."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config import Experiment, load_experiment
from internvideo_pl.run.schemas import SCHEMAS
from tests.data.clips import write_video
from tests.run.killing import end

STEPS = 60


@pytest.fixture
def pipeline(tmp_path, monkeypatch) -> Path:
    """Two stages, the second of which starts from the first; the folder of the pipeline's first run."""
    (tmp_path / "videos").mkdir()
    for i in range(6):
        write_video(tmp_path / "videos" / f"{i}.mp4", frames=12)
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    small = {
        "data": {
            "root": tmp_path / "videos",
            "batch_size": 2,
            "num_frames": 4,
            "stride": 1,
            "size": 32,
            "short_side": 48,
        },
        "backbone": {"size": "tiny", "image_size": 32, "num_frames": 4},
        "trainer": {"max_steps": STEPS, "log_every_n_steps": 1, "checkpoint_steps": 3},
        "wandb": {"mode": "disabled"},
    }
    changes = [f"{part}.{key}={value}" for part, keys in small.items() for key, value in keys.items()]
    first = load_experiment("pretrain/own_videos", [*changes, "data.num_workers=1"], schemas=SCHEMAS)
    second = replace(first, name="again", parents={"backbone": first.name})
    plan = Experiment(name="two", stages=[first.name, second.name], jobs=2)
    monkeypatch.setattr("internvideo_pl.run.load_stages", lambda *_: (plan, [first, second]))
    monkeypatch.setattr("internvideo_pl.commands.run.require_experiment", lambda name: None)
    return tmp_path / "results" / "two" / "001"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


def starts(folder: Path) -> list[int]:
    return [begin["step"] for begin in json.loads((folder / "run.json").read_text())["starts"]]


def processes(folder: Path) -> set[int]:
    """Processes that are still writing a run's log."""
    log = (folder / "log.txt").resolve()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "fd" / "1").resolve() == log:
                found.add(int(process.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_a_pipeline_goes_on_stage_by_stage(pipeline, start, tmp_path, capfd):
    first, second = pipeline / "01-pretrain-own_videos", pipeline / "02-again"
    log = tmp_path / "log.txt"

    child = start(["two"], log)
    wait_for(first / "checkpoints" / "last.ckpt")
    os.kill(child, signal.SIGTERM)
    assert end(child) == 128 + signal.SIGTERM
    assert f"the same command continues {pipeline}" in log.read_text()
    assert "which is saved" in (first / "log.txt").read_text()
    assert processes(first) == set()

    child = start(["two"], log)
    wait_for(second / "checkpoints" / "previous.ckpt")
    os.kill(child, signal.SIGKILL)
    assert end(child) == -signal.SIGKILL
    kept = (first / "done.json").stat().st_mtime_ns
    assert 0 < starts(first)[1] < STEPS
    deadline = time.monotonic() + 30  # the stage's process and its loader notice by themselves
    while processes(second) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(second) == set()
    assert not (second / "done.json").exists()

    assert main(["run", "two"]) == 0
    said = capfd.readouterr().err
    assert f"continuing {pipeline}: 1 of 2 stages are done" in said
    assert "pretrain/own_videos: done before" in said
    assert (first / "done.json").stat().st_mtime_ns == kept
    assert 0 < starts(second)[1] < STEPS
    for stage in (first, second):
        steps = [line.split(",")[0] for line in (stage / "metrics.csv").read_text().splitlines()[1:]]
        assert sorted({int(step) for step in steps}) == list(range(STEPS))
    assert (pipeline / "report.html").is_file()
    assert [path.name for path in pipeline.parent.iterdir()] == ["001"]

"""A sweep on this machine, with real runs: side by side, killed, gone on with, ended early."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import is_finished
from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.hyperband import Hyperband
from internvideo_pl.run.sweep.limits import Limits
from internvideo_pl.run.sweep.local import LocalSweep
from internvideo_pl.run.sweep.process import TrialRun
from internvideo_pl.run.sweep.space import read_parameter
from internvideo_pl.run.sweep.summary import best_trial, trial_table
from internvideo_pl.run.sweep.trial import Trials
from internvideo_pl.tables.sweep_figures import Point, importance_bars, parallel_coordinates
from tests.data.clips import write_video

CHEAP = ("data.num_workers=0", "data.batch_size=2", "wandb.mode=disabled", "trainer.log_every_n_steps=1")
KILLED = """
import pickle, sys
from internvideo_pl.run.sweep.limits import Limits
from internvideo_pl.run.sweep.local import LocalSweep
from tests.run.sweep.test_local import make_sweep
from pathlib import Path
LocalSweep(make_sweep(Path(sys.argv[1])), Path(sys.argv[2]), [], Limits(), jobs=2).run()
""".replace("import pickle, sys", "import sys")


def make_sweep(videos: Path, **changes) -> Sweep:
    """Four trials of masked pretraining on a person's own two videos."""
    parameters = (
        read_parameter("optimizer.lr", {"values": [1e-4, 1e-3]}),
        read_parameter("objective.mask_ratio", {"values": [0.5, 0.75]}),
    )
    words = (*CHEAP, "trainer.max_steps=3", f"data.root={videos}")
    sweep = Sweep("try", False, videos, {}, "pretrain/own_videos", words, "grid", "train/loss", False, parameters)
    return replace(sweep, **changes)


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("one", "two"):
        write_video(folder / f"{name}.mp4", frames=20)
    return folder


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_does_nothing_twice(tmp_path, videos):
    folder = tmp_path / "sweep"
    command = [sys.executable, "-c", KILLED, str(videos), str(folder)]
    root = Path(__file__).parents[3]
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": f"{root}/src:{root}"}, cwd=root)
    trials, deadline = Trials(folder), time.monotonic() + 400
    while sum(trial.ended for trial in trials.all()) < 1 or len(trials.all()) < 3:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.2)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    ended = {trial.number: trial for trial in trials.all() if trial.ended}
    stamps = {number: (trials.path(number) / "trial.json").stat().st_mtime_ns for number in ended}

    LocalSweep(make_sweep(videos), folder, [], Limits(), jobs=2).run()
    found = trials.all()
    assert [trial.state for trial in found] == ["done"] * 4
    assert sorted(tuple(trial.values.values()) for trial in found) == [
        (a, b) for a in (1e-4, 1e-3) for b in (0.5, 0.75)
    ]
    assert {number: (trials.path(number) / "trial.json").stat().st_mtime_ns for number in ended} == stamps
    for number in range(4):
        run = trials.path(number) / "run"
        assert is_finished(run)
        steps = [line.split(",")[0] for line in (run / "metrics.csv").read_text().splitlines()[1:]]
        assert sorted(set(map(int, steps))) == [0, 1, 2]
    assert trial_table(make_sweep(videos), found, best_trial(make_sweep(videos), found)).rows[0][3].best


@pytest.mark.slow
def test_hopeless_trials_end_early_and_limits_hold(tmp_path, videos):
    sweep = make_sweep(
        videos,
        words=(*CHEAP, "trainer.max_steps=400", f"data.root={videos}"),
        parameters=(read_parameter("optimizer.lr", {"values": [1e-3, 1e-9]}),),
        hyperband=Hyperband((40,), eta=2),
    )
    LocalSweep(sweep, tmp_path / "sweep", [], Limits(), jobs=1).run()
    good, bad = Trials(tmp_path / "sweep").all()
    assert (good.state, bad.state) == ("done", "stopped")
    assert len(bad.history) < len(good.history)
    LocalSweep(make_sweep(videos), tmp_path / "none", [], Limits(hours=1e-9), jobs=1).run()
    assert Trials(tmp_path / "none").all() == []


def test_a_run_that_lives_on_is_waited_for(tmp_path):
    first = TrialRun(tmp_path, ["no/such/experiment"], {})
    second = TrialRun(tmp_path, ["no/such/experiment"], {})  # as of a sweep that was killed and begun again
    assert first.process is not None
    assert (second.process, second.poll()) == (None, None)
    assert first.process.wait(60) == 2
    second.poll()
    assert second.process is not None
    assert second.process.wait(60) == 2
    assert "There is no experiment" in second.end_of_log()


def test_limits_are_checked_and_a_grid_has_its_own(tmp_path):
    with pytest.raises(UserError, match="HOURS=-1 must be positive"):
        Limits(hours=-1)
    sweep = make_sweep(tmp_path)
    assert (Limits().most(sweep), Limits(trials=3).most(sweep), Limits(trials=9).most(sweep)) == (4, 3, 4)
    assert Limits().most(replace(sweep, method="random", run_cap=7)) == 7


def test_pictures_are_drawn_for_any_values():
    points = [
        Point({"lr": 10**-i, "blocks": str([i % 3]), "same": 1}, float("nan") if i == 2 else i * 1.5) for i in range(6)
    ]
    drawing = parallel_coordinates(points, ["lr"], "test/top1", maximize=True)
    assert "5 trials; the best has test/top1 7.5 with lr 1e-05, blocks [2], same 1" in drawing.alt
    assert "no trial" in parallel_coordinates([], [], "x", True).shapes[0].spans[0].text
    assert "lr 75%, blocks 25%" in importance_bars({"blocks": 0.25, "lr": 0.75}, "x", 9).alt
    assert "too few" in importance_bars({}, "x", 1).alt

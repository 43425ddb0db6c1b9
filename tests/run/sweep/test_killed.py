"""Trials that are killed from outside, and what is known of a sweep that was."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from internvideo_pl.errors import Interrupted, UserError
from internvideo_pl.run.sweep import local, main
from internvideo_pl.run.sweep.gpus import Shares
from internvideo_pl.run.sweep.limits import Limits
from internvideo_pl.run.sweep.local import LocalSweep
from internvideo_pl.run.sweep.space import read_parameter
from internvideo_pl.run.sweep.trial import Trials
from tests.run.sweep.test_local import make_sweep

RUN = """#!/bin/sh
# Stands where a trial's Python does: dies by the signal that its parameter names, or ends well with a metric.
for word in "$@"; do case "$word" in
  optimizer.lr=*) lr=${word#*=} ;;
  paths.run=*) run=${word#*=} ;;
esac; done
case "$lr" in
  1) echo "out of memory"; kill -KILL $$ ;;
  2) kill -TERM $$ ;;
  3) exec sleep 4 ;;
esac
mkdir -p "$run"
printf 'epoch,step,train/loss\\n0,0,0.5\\n' > "$run/metrics.csv"
"""
WORKS = """
import sys
from pathlib import Path
from internvideo_pl.run.sweep import local
from internvideo_pl.run.sweep.limits import Limits
from tests.run.sweep.test_killed import trying
local.LOOK, local.WRITE = 0.05, 0.1
sys.executable = sys.argv[2]
sweep = local.LocalSweep(trying(3), Path(sys.argv[1]), [], Limits(), jobs=1)
sweep.shares.visible, sweep.shares.each = ["0", "1"], 2
sweep.run()
"""


def trying(*rates: int):
    """A grid over learning rates, whose runs end as `RUN` says."""
    return replace(make_sweep(Path("none")), parameters=(read_parameter("optimizer.lr", {"values": list(rates)}),))


@pytest.fixture
def program(tmp_path) -> Path:
    path = tmp_path / "program"
    path.write_text(RUN)
    path.chmod(0o755)
    return path


@pytest.fixture
def quick(program, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(local, "LOOK", 0.05)


@pytest.mark.usefixtures("quick")
def test_a_trial_that_is_killed_twice_has_failed_and_the_others_run(tmp_path, capsys):
    LocalSweep(trying(1, 5), tmp_path / "sweep", [], Limits(), jobs=1).run()
    killed, well = Trials(tmp_path / "sweep").all()
    assert (killed.state, killed.kills, well.state, well.value) == ("failed", 2, "done", 0.5)
    assert "killed 2 times, last by SIGKILL; out of memory" in killed.note
    assert "trial 0 was killed by SIGKILL and is tried once more" in capsys.readouterr().err
    LocalSweep(trying(1, 5), tmp_path / "sweep", [], Limits(), jobs=1).run()
    assert Trials(tmp_path / "sweep").all()[0].kills == 2  # and it is not tried again


@pytest.mark.usefixtures("quick")
def test_a_trial_that_was_told_to_stop_stops_the_sweep_and_is_gone_on_with(tmp_path):
    for _ in range(3):
        with pytest.raises(Interrupted, match="the same command continues"):
            LocalSweep(trying(2), tmp_path / "sweep", [], Limits(), jobs=1).run()
    (trial,) = Trials(tmp_path / "sweep").all()
    assert (trial.state, trial.kills) == ("running", 0)


@pytest.mark.usefixtures("quick")
def test_a_sweep_that_has_reached_its_target_begins_no_more(tmp_path):
    LocalSweep(replace(trying(5, 6, 7), target=0.5), tmp_path / "sweep", [], Limits(), jobs=1).run()
    assert [trial.state for trial in Trials(tmp_path / "sweep").all()] == ["done"]


def test_gpu_hours_of_running_trials_are_known_to_others_and_survive_a_kill(tmp_path, program):
    root, folder = Path(__file__).parents[3], tmp_path / "sweep"
    child = subprocess.Popen(
        [sys.executable, "-c", WORKS, str(folder), str(program)],
        env={**os.environ, "PYTHONPATH": f"{root}/src:{root}"},
        cwd=root,
    )
    deadline = time.monotonic() + 120
    while not (found := Trials(folder).all()) or found[0].gpu_hours <= 0:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.05)
    other = LocalSweep(trying(3), folder, [], Limits(gpu_hours=1e-6), jobs=1)
    other.run()  # of another machine: the limit is reached by what runs here
    assert other.trials.locks == {}
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    (trial,) = Trials(folder).all()
    assert trial.state == "running"
    assert trial.gpu_hours == pytest.approx(2 * trial.seconds / 3600, rel=0.5)
    assert trial.seconds > 0


@pytest.mark.parametrize(
    ("gpus", "says"), [(0, "must be at least 1"), (-2, "must be at least 1"), (2, "want 2, 0 are here")]
)
def test_gpus_that_are_not_here_are_refused_before_anything_runs(monkeypatch, gpus, says):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr(main, "sweep_folder", lambda *_: pytest.fail("it has begun"))
    with pytest.raises(UserError, match=says):
        main.main("k400_lr", mini=True, gpus=gpus, local=True)


def test_what_gpus_cannot_be_used_for_is_refused_before_anything_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(main, "sweep_folder", lambda *_: pytest.fail("it has begun"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    with pytest.raises(UserError, match="GPUS=2: ablation/masking runs several experiments, each on one device"):
        main.main("masking", mini=True, gpus=2, local=True)
    with pytest.raises(UserError, match="GPUS=2: ablation/masking runs several"):
        main.write_slurm("masking", tmp_path / "job.sh", [], [], True, 2, {"gpus": 2})
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(UserError, match="GPU_HOURS=2 would limit nothing: no GPU is here"):
        main.main("k400_lr", mini=True, limits=Limits(gpu_hours=2), local=True)


def test_every_place_has_its_gpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,6,7")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("internvideo_pl.run.sweep.gpus.usable_cores", lambda: 9)
    two = Shares(2, None)
    assert [two.environment(place)["CUDA_VISIBLE_DEVICES"] for place in (0, 1)] == ["3,5", "6,7"]
    assert Shares(4, 1).environment(2) == {"CUDA_VISIBLE_DEVICES": "6", "OMP_NUM_THREADS": "2"}
    assert Shares(2, None, most=1).environment(1) == {"CUDA_VISIBLE_DEVICES": "5", "OMP_NUM_THREADS": "4"}
    with pytest.raises(UserError, match="each want 6, 4 are here"):
        Shares(3, 2)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert Shares(20, None).environment(0) == {"OMP_NUM_THREADS": "1"}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # who has set it knows best
    assert Shares(2, None).environment(0) == {"OMP_NUM_THREADS": "3"}

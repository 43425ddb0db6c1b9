"""Trials on the disk: no number twice, nothing lost, abandoned ones taken up again."""

import math
import os
import signal
import subprocess
import sys

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run.sweep.trial import TRIAL, Trial, Trials

CLAIM = """
import pathlib, sys
from internvideo_pl.run.sweep.trial import Trial, Trials
trials = Trials(pathlib.Path(sys.argv[1]))
while (number := trials.claim(60)) is not None:
    trials.write(Trial(number, {"x": number}, state="done", value=float(number)))
    print(number)
    trials.let_go(number)
"""
HOLD = """
import pathlib, sys, time
from internvideo_pl.run.sweep.trial import Trial, Trials
trials = Trials(pathlib.Path(sys.argv[1]))
trials.write(Trial(trials.claim(9), {"x": 1}))
print("held", flush=True)
time.sleep(60)
"""


def test_a_trial_survives_its_file(tmp_path):
    trials = Trials(tmp_path)
    number = trials.claim(1)
    trial = Trial(number, {"optimizer.lr": 0.1, "blocks": [1, 2]}, {"optimizer.lr": 0.1}, history=(1.0, math.inf))
    trials.write(trial)
    (read,) = trials.all()
    assert (read.values, read.inner, read.state) == (trial.values, trial.inner, "running")
    assert math.isnan(read.value)
    assert read.history[0] == 1.0
    assert math.isnan(read.history[1])
    assert trials.claim(1) is None


def test_parallel_processes_share_the_numbers(tmp_path):
    command = [sys.executable, "-c", CLAIM, str(tmp_path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    mine = [sorted(map(int, worker.communicate(timeout=120)[0].split())) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sorted(number for numbers in mine for number in numbers) == list(range(60))
    assert [trial.value for trial in Trials(tmp_path).all()] == [float(i) for i in range(60)]


def test_what_a_killed_process_held_is_taken_up_again(tmp_path):
    worker = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "held\n"
    trials = Trials(tmp_path)
    assert list(trials.abandoned()) == []
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert list(trials.abandoned()) == [0]
    assert trials.read(0).values == {"x": 1}
    trials.let_go(0)
    (trials.path(1)).mkdir()  # one that was killed before it had its file
    assert list(trials.abandoned()) == [0, 1]


def test_a_damaged_file_is_named(tmp_path):
    trials = Trials(tmp_path)
    trials.path(trials.claim(1)).joinpath(TRIAL).write_text("{")
    with pytest.raises(UserError, match=r"trial.json is not a trial .* delete its folder"):
        trials.all()

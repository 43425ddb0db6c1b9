"""A sweep as an array of SLURM jobs: what the script does, run by the shell, and whose folder its tasks share."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.errors import UserError
from internvideo_pl.run.slurm import STOPPED, Job
from internvideo_pl.run.sweep.array import array_script, write_array
from internvideo_pl.run.sweep.document import read_sweep
from internvideo_pl.run.sweep.folder import sweep_folder

STANDS = '#!/bin/sh\necho "{name} $*" >> "{log}"\nexit {code}\n'


def run_task(tmp_path: Path, code: int) -> tuple[int, list[str]]:
    """Runs the script as task 3 of array 700, with the cluster's own programs written down."""
    sweep = read_sweep("k400_lr", mini=True)
    job = Job(sweep.experiment, gpus=2, time="1:00:00", partition="long")
    script, log = tmp_path / "job.sh", tmp_path / "log"
    write_array(script, array_script(sweep, job, ["--mini"], 4, tmp_path, python=Path("/the/python")))
    for name, ends in (("srun", code), ("scontrol", 0)):
        (tmp_path / name).write_text(STANDS.format(name=name, log=log, code=ends))
        (tmp_path / name).chmod(0o755)
    ids = {"SLURM_JOB_ID": "700", "SLURM_ARRAY_JOB_ID": "700", "SLURM_ARRAY_TASK_ID": "3"}
    env = {**os.environ, **ids, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/bash", str(script)], env=env, check=False)
    return done.returncode, log.read_text().splitlines()


def test_a_task_that_was_warned_queues_itself_again_and_not_the_whole_array(tmp_path):
    code, log = run_task(tmp_path, STOPPED)
    assert code == STOPPED
    assert log[1:] == ["scontrol requeue 700_3"]
    assert log[0].endswith("/the/python -m internvideo_pl sweep k400_lr --mini --local --jobs 1 --gpus 2")
    text = (tmp_path / "job.sh").read_text()
    for line in ("--array=0-3", "--gpus-per-node=2", "--time=1:00:00", "--partition=long", "--signal=USR1@300"):
        assert f"#SBATCH {line}\n" in text


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_task_that_came_to_its_end_is_not_queued_again(tmp_path, code):
    ended, log = run_task(tmp_path, code)
    assert (ended, len(log)) == (code, 1)


def test_tasks_share_a_folder_and_fresh_makes_a_new_one(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    words = ["sweep", "k400_lr", "--mini", "--slurm", str(tmp_path / "job.sh"), "--jobs", "3"]
    folders = tmp_path / "sweeps" / "k400_lr-mini"
    for extra, count in (([], 1), ([], 1), (["--fresh"], 2), ([], 2)):
        assert main([*words, *extra]) == 0
        assert len(list(folders.iterdir())) == count
    given = ["trainer.accelerator=gpu", "trainer.devices=1"]  # as a task has it
    newest = max(folders.iterdir(), key=lambda folder: int(folder.name))
    assert sweep_folder(read_sweep("k400_lr", mini=True), tmp_path, given) == newest
    assert "--fresh" not in (tmp_path / "job.sh").read_text()  # or every task would begin one of its own


def test_what_cannot_be_is_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    words = ["sweep", "k400_lr", "--mini", "--slurm", str(tmp_path / "job.sh")]
    assert main([*words, "--gpus", "0"]) == 2
    assert "GPUS=0" in capsys.readouterr().err
    sweep = read_sweep("k400_lr", mini=True)
    job = Job(sweep.experiment, gpus=1)
    for tasks, nodes in ((0, 1), (2, 2)):
        with pytest.raises(UserError, match="at least one task"):
            array_script(sweep, replace(job, nodes=nodes), [], tasks, tmp_path)

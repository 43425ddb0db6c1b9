"""The text of a SLURM job: what it asks for, what it runs, and that no value in it is read as shell."""

import os
import subprocess
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.run.slurm import STOPPED, Job

EXPERIMENT = "pretrain/masked_k400_base"


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Stand-ins for SLURM's programs: `srun` writes down its words and ends with a code, `scontrol` likewise."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "srun").write_text(f'#!/bin/sh\nprintf "%s\\n" "$MASTER" "$@" > {tmp_path}/srun\nexit ${{CODE:-0}}\n')
    (programs / "scontrol").write_text(
        f'#!/bin/sh\n[ "$1" = show ] && echo node7 && exit\necho "$@" > {tmp_path}/told\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}", "SLURM_JOB_ID": "123", "SLURM_JOB_NODELIST": "node[7-8]"}


def test_a_job_asks_for_what_was_said(tmp_path, capsys):
    job = tmp_path / "job.sh"
    words = ["--gpus", "4", "--nodes", "2", "--time", "1-00:00:00", "--partition", "gpu", "--to", str(job)]
    assert main(["slurm", EXPERIMENT, "optimizer.lr=1e-3", *words]) == 0
    assert f"sbatch {job}" in capsys.readouterr().out
    asked = [line.removeprefix("#SBATCH --") for line in job.read_text().splitlines() if line.startswith("#SBATCH")]
    assert {"nodes=2", "ntasks-per-node=1", "gpus-per-node=4", "cpus-per-task=32", "time=1-00:00:00"} <= set(asked)
    assert {"partition=gpu", "signal=USR1@300", "requeue", "open-mode=append"} <= set(asked)
    assert not any(line.startswith("account") for line in asked)
    assert subprocess.run(["bash", "-n", job], check=False).returncode == 0


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (1, False), (STOPPED, True)])
def test_only_a_job_that_was_warned_queues_itself_again(cluster, tmp_path, code, requeued):
    job = tmp_path / "job.sh"
    job.write_text(Job(EXPERIMENT, ["a=1"], gpus=2, nodes=2).script(tmp_path))
    done = subprocess.run(["bash", job], env=cluster | {"CODE": str(code)}, check=False)
    assert done.returncode == code
    assert (tmp_path / "told").exists() == requeued
    master, *words = (tmp_path / "srun").read_text().splitlines()
    assert master == "node7:20123"
    assert words[-8:] == ["internvideo_pl", "run", EXPERIMENT, "a=1", "--gpus", "2", "--nodes", "2"]


def test_values_are_never_shell(cluster, tmp_path):
    evil = f"data.root=$(touch {tmp_path}/broken); `touch {tmp_path}/broken` ' \" {{gpus}}"
    place = tmp_path / "it's; $HOME"
    place.mkdir()
    job = tmp_path / "job.sh"
    job.write_text(Job(EXPERIMENT, [evil]).script(place, Path("/opt/my python/bin/python")))
    assert subprocess.run(["bash", job], env=cluster, check=False).returncode == 0
    assert evil in (tmp_path / "srun").read_text().splitlines()
    assert "/opt/my python/bin/python" in (tmp_path / "srun").read_text().splitlines()
    assert not (tmp_path / "broken").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pretrain/maskd_k400_base"], "Did you mean"),
        ([EXPERIMENT, "--time", "soon"], "TIME='soon' must be minutes"),
        ([EXPERIMENT, "--partition", "gpu\n#SBATCH --x"], "may have letters"),
        ([EXPERIMENT, "--nodes", "0"], "must be at least 1"),
        ([EXPERIMENT, "--gpus", "6"], "global_batch=1024 cannot be shared by 6 devices: use 4"),
        ([EXPERIMENT, "--nodes", "3"], "cannot be shared by 24 devices: use 16"),
        ([EXPERIMENT, "optimizer.rate=1"], "optimizer.rate"),
        (["demo"], "each on one device"),
        ([EXPERIMENT, "--to", "/does/not/exist/job.sh"], "choose another file with TO="),
    ],
)
def test_mistakes_are_one_sentence(capsys, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    assert main(["slurm", *words]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

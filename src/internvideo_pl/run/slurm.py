"""A job for SLURM that runs an experiment, saves before its time is over, and puts itself into the queue again.

Nothing of the job's text is read as shell but what stands here: every value is quoted or has been checked.
"""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.folders import require_experiment
from internvideo_pl.run.batches import share_out
from internvideo_pl.run.stages import load_stages

WARNING = 300  # seconds before the end at which SLURM warns: finishes a step and writes the largest checkpoint
STOPPED = 128 + 10  # exit code of a run that SIGUSR1 has stopped after it has saved
NAME = re.compile(r"[A-Za-z0-9_.\-]+")  # of a partition or an account
TIME = re.compile(r"(\d+-)?\d{1,3}(:\d{2}){0,2}")  # SLURM's minutes, hours:minutes:seconds, days-hours:minutes:seconds


@dataclass(frozen=True)
class Job:
    """What to ask SLURM for.

    Attributes:
        name: The experiment.
        words: Further words of `internvideo run`.
        gpus: For each machine.
        nodes: Machines.
        cpus: Cores for each GPU; readers of videos want several.
        time: How long at a stretch, in SLURM's words; the partition's own limit when empty.
        partition: Where; the cluster's default when empty.
        account: On whose account; the person's default when empty.
    """

    name: str
    words: Sequence[str] = ()
    gpus: int = 8
    nodes: int = 1
    cpus: int = 8
    time: str = ""
    partition: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        """Refuses what is no such value.

        Raises:
            UserError: The experiment is unknown, or a value cannot be.
        """
        require_experiment(self.name)
        if min(self.gpus, self.nodes, self.cpus) < 1:
            raise UserError(f"GPUS={self.gpus}, NODES={self.nodes} and CPUS={self.cpus} must be at least 1")
        if self.time and not TIME.fullmatch(self.time):
            raise UserError(f"TIME={self.time!r} must be minutes, H:MM:SS or D-HH:MM:SS, as in TIME=24:00:00")
        for word, value in (("PARTITION", self.partition), ("ACCOUNT", self.account)):
            if value and not NAME.fullmatch(value):
                raise UserError(f"{word}={value!r} may have letters, digits, dots, dashes and underscores only")

    def script(self, project: Path, python: Path = Path(sys.executable)) -> str:
        """The text of the job.

        Args:
            project: The folder from which the experiment is run.
            python: The interpreter, reachable from all machines.
        """
        asked = {
            "job-name": self.name.replace("/", "-"),
            "nodes": self.nodes,
            "ntasks-per-node": 1,
            "gpus-per-node": self.gpus,
            "cpus-per-task": self.gpus * self.cpus,
            "time": self.time,
            "partition": self.partition,
            "account": self.account,
            "signal": f"USR1@{WARNING}",
            "open-mode": "append",
            "output": "slurm-%j.log",
        }
        lines = [f"#SBATCH --{key}={value}" for key, value in asked.items() if value]
        command = ["-m", "internvideo_pl", "run", self.name, *self.words]
        run = " ".join(shlex.quote(word) for word in [str(python), *command])
        return SCRIPT.format(
            asked="\n".join([*lines, "#SBATCH --requeue"]),
            project=shlex.quote(str(project)),
            run=run,
            gpus=self.gpus,
            nodes=self.nodes,
            stopped=STOPPED,
        )


# One task a machine, which is torchrun there; the number of the machine comes from SLURM_NODEID.
SCRIPT = """#!/bin/bash
{asked}
cd {project} || exit 2
MASTER="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):$((20000 + SLURM_JOB_ID % 20000))"
export MASTER
# Before the time is over SLURM warns all processes: they finish a step, save and end with {stopped}. The job then waits
# for its next turn, and the same command goes on in the same folder.
srun --kill-on-bad-exit=0 --export=ALL \\
    {run} --gpus {gpus} --nodes {nodes}
code=$?
if [ "$code" -eq {stopped} ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""


def check_job(job: Job, overrides: Sequence[str], mini: bool, data: str | None) -> None:
    """Refuse now what the job would be refused for once it has its machines.

    Args:
        job: What is asked for.
        overrides: The `key=value` among its words.
        mini: Whether the miniature is used.
        data: The dataset's folder.

    Raises:
        UserError: A key or value is wrong, the devices cannot share the recipe's batch, or the experiment runs several
            others, each on one device.
    """
    devices = ["trainer.accelerator=gpu", f"trainer.devices={job.gpus}", f"trainer.num_nodes={job.nodes}"]
    plan, runs = load_stages(job.name, [*overrides, *devices], mini, data)
    if plan.stages and job.gpus * job.nodes > 1:
        raise UserError(f"{job.name} runs several experiments, each on one device: set GPUS=1 NODES=1, or name one")
    for run in runs:
        share_out(run)


def write_job(job: Job, path: Path, project: Path) -> None:
    """Write the job's file.

    Raises:
        UserError: It cannot be written.
    """
    try:
        path.write_text(job.script(project))
        path.chmod(0o755)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); choose another file with TO=") from error

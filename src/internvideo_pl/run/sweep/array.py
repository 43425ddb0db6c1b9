"""A sweep as an array of SLURM jobs: so many machines work on the trials of one folder, each on one trial at a time."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.run.slurm import STOPPED, WARNING, Job
from internvideo_pl.run.sweep.document import Sweep

SCRIPT = """#!/bin/bash
{asked}
cd {project} || exit 2
# Every task takes the next trial that nobody has, or one whose task has died. Before the time is over SLURM warns all
# processes: the trial finishes a step and saves, all end with {stopped}; the task waits for its next turn and goes on.
{run}
code=$?
if [ "$code" -eq {stopped} ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"  # this task alone
fi
exit "$code"
"""


def array_script(
    sweep: Sweep, job: Job, words: Sequence[str], tasks: int, project: Path, python: Path = Path(sys.executable)
) -> str:
    """The text of the job.

    Args:
        sweep: What the tasks work on.
        job: What to ask SLURM for, for each task.
        words: Further words of `internvideo sweep`.
        tasks: Trials at a time.
        project: The folder from which the sweep is run.
        python: The interpreter, reachable from all machines.

    Raises:
        UserError: There is no task, or one of several machines.
    """
    if tasks < 1 or job.nodes != 1:
        raise UserError(f"JOBS={tasks} tasks of NODES={job.nodes} machines: at least one task, each on one machine")
    asked = {
        "job-name": f"sweep-{sweep.name}",
        "array": f"0-{tasks - 1}",
        "nodes": 1,
        "ntasks-per-node": 1,
        "gpus-per-node": job.gpus,
        "cpus-per-task": job.gpus * job.cpus,
        "time": job.time,
        "partition": job.partition,
        "account": job.account,
        "signal": f"USR1@{WARNING}",
        "open-mode": "append",
        "output": "slurm-%A-%a.log",
    }
    lines = [f"#SBATCH --{key}={value}" for key, value in asked.items() if value]
    command = ["-m", "internvideo_pl", "sweep", sweep.name, *words, "--local", "--jobs", "1", "--gpus", str(job.gpus)]
    return SCRIPT.format(
        asked="\n".join([*lines, "#SBATCH --requeue"]),
        project=shlex.quote(str(project)),
        run="srun --kill-on-bad-exit=0 --export=ALL " + " ".join(shlex.quote(word) for word in [str(python), *command]),
        stopped=STOPPED,
    )


def write_array(path: Path, text: str) -> None:
    """Write the job's file.

    Raises:
        UserError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); choose another file with SLURM=") from error

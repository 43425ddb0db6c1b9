"""`slurm`: write a job for a cluster."""

import argparse
from pathlib import Path

from internvideo_pl.commands.command import Command
from internvideo_pl.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment, what to change in it, and what to ask the cluster for."""
    parser.add_argument("name", nargs="?", help="the experiment: path of its YAML below experiments/, without .yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes a key; ~key takes one away")
    parser.add_argument("--mini", action="store_true", help="use the miniature and the tiny size")
    parser.add_argument("--data", metavar="FOLDER", help="folder of real videos or of the datasets")
    parser.add_argument("--gpus", type=int, default=8, metavar="N", help="GPUs a machine (8)")
    parser.add_argument("--nodes", type=int, default=1, metavar="N", help="machines (1)")
    parser.add_argument("--cpus", type=int, default=8, metavar="N", help="cores a GPU (8)")
    parser.add_argument("--time", default="", metavar="H:MM:SS", help="time at a stretch; the job queues itself again")
    parser.add_argument("--partition", default="", metavar="NAME", help="the cluster's part")
    parser.add_argument("--account", default="", metavar="NAME", help="on whose account")
    parser.add_argument("--to", default="job.sh", metavar="FILE", help="where to write it (job.sh)")


def call(chosen: argparse.Namespace) -> None:
    """Write the file and say how to hand it in."""
    if chosen.name is None:
        raise UserError("Which experiment? Name one, as in `internvideo slurm pretrain/masked_k400_base --nodes 4`.")
    from internvideo_pl.run.slurm import Job, check_job, write_job

    mini = ["--mini"] if chosen.mini else []
    data = ["--data", chosen.data] if chosen.data else []
    words = [*chosen.overrides, *mini, *data]
    asked = {word: getattr(chosen, word) for word in ("gpus", "nodes", "cpus", "time", "partition", "account")}
    job, path = Job(chosen.name, words, **asked), Path(chosen.to)
    check_job(job, chosen.overrides, chosen.mini, chosen.data)
    write_job(job, path, Path.cwd())
    print(f"wrote {path}; hand it in with: sbatch {path}")


COMMAND = Command("write a SLURM job that runs an experiment", arguments, call)

"""`sweep`: run many trials of an experiment, on a Weights & Biases server's word or by ourselves."""

import argparse
from pathlib import Path

from internvideo_pl.commands.command import Command
from internvideo_pl.errors import UserError

SLURM = ("nodes", "cpus", "time", "partition", "account")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The sweep, where to end, how much at a time."""
    parser.add_argument("name", nargs="?", help="the sweep: name of its YAML below experiments/sweeps/, without .yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes a key in every trial")
    parser.add_argument("--mini", action="store_true", help="its mini form, on the miniature")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trials (or agents) at a time (1)")
    parser.add_argument("--trials", type=int, metavar="N", help="trials at most (run_cap of the file, or 20)")
    parser.add_argument("--hours", type=float, metavar="H", help="end after so many hours")
    parser.add_argument("--gpu-hours", type=float, metavar="H", help="end after so many GPU hours of all trials")
    parser.add_argument("--gpus", type=int, metavar="N", help="GPUs of a trial")
    parser.add_argument("--fresh", action="store_true", help="begin anew where a sweep could be gone on with")
    parser.add_argument("--local", action="store_true", help="stay on this machine though a server is configured")
    parser.add_argument("--slurm", metavar="FILE", help="only write an array of SLURM jobs, --jobs at a time")
    parser.add_argument("--nodes", type=int, metavar="N", help="with --slurm: machines of a trial (1)")
    parser.add_argument("--cpus", type=int, metavar="N", help="with --slurm: cores a GPU (8)")
    parser.add_argument("--time", metavar="H:MM:SS", help="with --slurm: time at a stretch")
    parser.add_argument("--partition", metavar="NAME", help="with --slurm: the cluster's part")
    parser.add_argument("--account", metavar="NAME", help="with --slurm: on whose account")


def call(chosen: argparse.Namespace) -> None:
    """Run it, or write the jobs that will."""
    if chosen.name is None:
        raise UserError("Which sweep? Name one, as in `internvideo sweep k400_lr --mini`; docs/sweeps.md lists them.")
    asked = {word: getattr(chosen, word) for word in SLURM if getattr(chosen, word) is not None}
    if asked and not chosen.slurm:
        raise UserError(f"{', '.join(asked)} are for jobs of a cluster: add --slurm FILE (SLURM=job.sh)")
    from internvideo_pl.run.sweep import main
    from internvideo_pl.run.sweep.limits import Limits

    limits = Limits(chosen.trials, chosen.hours, chosen.gpu_hours)
    if not chosen.slurm:
        main.main(
            chosen.name, chosen.overrides, chosen.mini, chosen.jobs, limits, chosen.gpus, chosen.fresh, chosen.local
        )
        return
    words = [*chosen.overrides, *(["--mini"] if chosen.mini else [])]
    for option in ("trials", "hours", "gpu_hours"):
        value = getattr(chosen, option)
        words += [] if value is None else [f"--{option.replace('_', '-')}", str(value)]
    asked["gpus"] = 1 if chosen.gpus is None else chosen.gpus
    main.write_slurm(
        chosen.name, Path(chosen.slurm), words, chosen.overrides, chosen.mini, chosen.jobs, asked, chosen.fresh
    )


COMMAND = Command("run many trials of an experiment, find its best settings", arguments, call)

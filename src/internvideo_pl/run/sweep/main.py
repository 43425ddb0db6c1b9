"""What `sweep` does: read the file, check it, and run it on a server or on this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from internvideo_pl.config import Experiment
from internvideo_pl.errors import RunFailed, UserError
from internvideo_pl.folders import results_folder
from internvideo_pl.run.lock import Lock
from internvideo_pl.run.parents import missing_parents, shared
from internvideo_pl.run.slurm import Job
from internvideo_pl.run.stages import load_stages
from internvideo_pl.run.sweep.array import array_script, write_array
from internvideo_pl.run.sweep.document import read_sweep
from internvideo_pl.run.sweep.fetched import fetch_trials
from internvideo_pl.run.sweep.folder import sweep_folder
from internvideo_pl.run.sweep.gpus import Shares
from internvideo_pl.run.sweep.limits import Limits
from internvideo_pl.run.sweep.local import LocalSweep
from internvideo_pl.run.sweep.server import is_configured, refuse_hours, run_agents, server_sweep
from internvideo_pl.run.sweep.summary import summarize
from internvideo_pl.run.sweep.trial import Trials

PARENTS = "parents"  # folder in a sweep's, whose lock says that its parents are being run


def main(
    name: str,
    overrides: Sequence[str] = (),
    mini: bool = False,
    jobs: int = 1,
    limits: Limits | None = None,
    gpus: int | None = None,
    fresh: bool = False,
    local: bool = False,
) -> None:
    """Run a sweep, or go on with it.

    Args:
        name: Of its file below `experiments/sweeps/`.
        overrides: `key=value` arguments that every trial gets besides its parameters.
        mini: Whether its mini form is run.
        jobs: Trials, or agents, at a time.
        limits: When to end.
        gpus: GPUs of a trial.
        fresh: Whether to begin anew where one could be gone on with.
        local: Whether to stay on this machine though a server is configured.

    Raises:
        UserError: Anything that the person must mend.
        RunFailed: All trials fail.
        Interrupted: A signal stopped it; the same command goes on.
    """
    if jobs < 1:
        raise UserError(f"JOBS={jobs} must be at least 1")
    limits = limits or Limits()
    server = not local and is_configured()
    if server:
        refuse_hours(limits)
    sweep = read_sweep(name, mini)
    given = [*overrides, *(["trainer.accelerator=gpu", f"trainer.devices={gpus}"] if gpus is not None else [])]
    plan, runs = load_stages(sweep.experiment, [*_plain(sweep.words), *given], "--mini" in sweep.words)
    shares = _shares(plan, jobs, gpus)
    if limits.gpu_hours is not None and not shares.each:
        raise UserError(f"GPU_HOURS={limits.gpu_hours:g} would limit nothing: no GPU is here; use HOURS= or TRIALS=")
    folder = sweep_folder(sweep, results_folder(), given, fresh, server)
    if server:
        path = server_sweep(sweep, given, limits, folder)
        _run_parents(runs, given, folder)
        failed = run_agents(path, jobs, shares)
        trials = fetch_trials(sweep, path, folder, shares.each)
        if trials:
            summarize(sweep, trials, folder, given)
        if failed:
            raise RunFailed(failed)
        return
    print(
        f"sweep {sweep.name}: {limits.most(sweep)} trials of {sweep.experiment} in {folder}",
        file=sys.stderr,
        flush=True,
    )
    _run_parents(runs, given, folder)
    try:
        LocalSweep(sweep, folder, given, limits, jobs, shares).run()
    finally:
        trials = Trials(folder).all()
        if trials:
            summarize(sweep, trials, folder, given)


def write_slurm(
    name: str,
    path: Path,
    words: Sequence[str],
    overrides: Sequence[str],
    mini: bool,
    tasks: int,
    asked: dict[str, Any],
    fresh: bool = False,
) -> None:
    """Write an array of jobs that work on a sweep together, and make the sweep's folder for them.

    Args:
        name: Of the sweep.
        path: The file.
        words: What `internvideo sweep` is given in each task.
        overrides: The `key=value` among them.
        mini: Whether its mini form is run.
        tasks: Trials at a time.
        asked: Fields of `Job`, as far as they were given.
        fresh: Whether the tasks begin a sweep anew where one could be gone on with.

    Raises:
        UserError: There is no such sweep, or a value cannot be.
    """
    sweep = read_sweep(name, mini)
    job = Job(sweep.experiment, **asked)
    _refuse_several(load_stages(sweep.experiment, _plain(sweep.words))[0], job.gpus)
    text = array_script(sweep, job, words, tasks, Path.cwd())
    given = [*overrides, "trainer.accelerator=gpu", f"trainer.devices={job.gpus}"]
    folder = sweep_folder(sweep, results_folder(), given, fresh)  # or every task would begin one of its own
    write_array(path, text)
    print(f"wrote {path} for the trials in {folder}; hand it in with: sbatch {path}")


def _shares(plan: Experiment, jobs: int, gpus: int | None) -> Shares:
    """GPUs of each trial; one at most for a pipeline, whose stages are started on one device each."""
    _refuse_several(plan, gpus or 1)
    return Shares(jobs, gpus, most=1 if plan.stages else None)


def _refuse_several(plan: Experiment, gpus: int) -> None:
    if plan.stages and gpus > 1:
        raise UserError(
            f"GPUS={gpus}: {plan.name} runs several experiments, each on one device: leave GPUS out, and let JOBS= "
            "trials run side by side"
        )


def _plain(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("--")]


def _missing(runs: list[Experiment]) -> list[str]:
    """Experiments that the trials start from and that were never run."""
    stages = {run.name for run in runs}
    return list(dict.fromkeys(name for run in runs for name in missing_parents(run) if name not in stages))


def _run_parents(runs: list[Experiment], overrides: Sequence[str], folder: Path) -> None:
    """Runs what the trials start from, once, whoever else works on the sweep."""
    if not _missing(runs):
        return
    place = folder / PARENTS
    place.mkdir(exist_ok=True)
    lock = Lock(place)
    while not lock.acquire():
        time.sleep(2)
    try:
        for name in _missing(runs):
            print(
                f"the trials start from {name}, of which there is no run yet: it runs first",
                file=sys.stderr,
                flush=True,
            )
            words = [sys.executable, "-m", "internvideo_pl", "run", name, *shared(list(overrides)), "--mini"]
            path = os.pathsep.join(filter(None, sys.path))
            done = subprocess.run(words, env=os.environ | {"PYTHONPATH": path}, check=False)
            if done.returncode:
                raise RunFailed(f"{name} ended with the exit code {done.returncode}, so no trial was begun")
    finally:
        lock.release()

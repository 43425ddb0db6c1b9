"""A sweep on a Weights & Biases server: it decides what is tried, its agents on this machine run the trials."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.errors import Interrupted, UserError
from internvideo_pl.run.folder import write_json
from internvideo_pl.run.sweep.document import ARGUMENTS, PREFIX, Sweep
from internvideo_pl.run.sweep.gpus import Shares
from internvideo_pl.run.sweep.limits import Limits
from internvideo_pl.run.sweep.process import SAVING

PROJECT = "internvideo"
ONLINE = "wandb.mode=online"
RECORD = "server.json"  # in the sweep's folder: which sweep it is there
LOOK = 1.0  # seconds from one look at the agents to the next


def is_configured() -> bool:
    """Whether a server is to be used: a key is there, and the person has not asked to stay offline."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    import wandb

    # Newer versions warn that this is on its way out; what they name in its stead asks the server, or is not in 0.19.
    with contextlib.redirect_stderr(io.StringIO()):
        return bool(wandb.api.api_key)


def refuse_hours(limits: Limits) -> None:
    """Say that a server counts trials only.

    Raises:
        UserError: A limit of time was given.
    """
    given = {"HOURS": limits.hours, "GPU_HOURS": limits.gpu_hours}
    for name, value in given.items():
        if value is not None:
            raise UserError(
                f"{name}={value:g} holds for sweeps on this machine only, and this one would go to the server of "
                "Weights & Biases: limit it by TRIALS=, or run it here with WANDB_MODE=offline"
            )


def server_config(sweep: Sweep, overrides: Sequence[str], most: int) -> dict[str, Any]:
    """What the server is given: the file, with the trials' common arguments and the limit in it."""
    shared = [*sweep.words, *overrides]
    command = [*PREFIX, sweep.experiment, *shared, ONLINE, ARGUMENTS]
    return {**sweep.raw, "command": command, "name": sweep.raw.get("name", sweep.name), "run_cap": most}


def server_sweep(sweep: Sweep, overrides: Sequence[str], limits: Limits, folder: Path) -> str:
    """The sweep's path on the server: that of the folder's record, or a new one, which is recorded.

    Raises:
        UserError: The server did not take it, or it is there with another limit.
    """
    record, most = folder / RECORD, limits.most(sweep)
    if record.is_file():
        known = json.loads(record.read_text(encoding="utf-8"))
        if limits.trials is not None and known["trials"] != most:
            raise UserError(
                f"TRIALS={limits.trials}: the sweep {known['sweep']} was created for {known['trials']} trials; "
                "change that on its page, or begin anew with FRESH=1"
            )
        return str(known["sweep"])
    import wandb

    config = server_config(sweep, overrides, most)
    project = config.get("project") or PROJECT
    try:
        name = wandb.sweep(sweep=config, entity=config.get("entity"), project=project)
    except (wandb.errors.Error, ValueError, OSError) as error:
        raise UserError(
            f"the server of Weights & Biases did not take the sweep ({error}); WANDB_MODE=offline runs it here"
        ) from error
    path = "/".join(filter(None, (config.get("entity"), project, name)))
    write_json(record, {"sweep": path, "trials": most})
    return path


def run_agents(path: str, jobs: int, shares: Shares) -> str:
    """Work on the server's sweep with so many agents, each on its own GPUs, until it has no more trials.

    Returns:
        What went wrong with an agent; empty where nothing did.

    Raises:
        Interrupted: A signal stopped them, after their trials have saved.
    """
    print(f"sweep {path}; more machines join it with: wandb agent {path}", flush=True)
    with Interrupts():
        agents: list[subprocess.Popen[bytes]] = []
        try:
            agents += [_agent(path, place, shares) for place in range(jobs)]
            while any(agent.poll() is None for agent in agents):
                time.sleep(LOOK)
        except Interrupted as stop:
            raise Interrupted(stop.signum, "the agents were stopped; the same command goes on with the sweep") from None
        finally:
            _stop(agents)
    codes = [agent.returncode for agent in agents]
    return f"an agent of the sweep {path} ended with the exit code {max(codes, key=abs)}" if any(codes) else ""


def _agent(path: str, place: int, shares: Shares) -> "subprocess.Popen[bytes]":
    binaries = os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH"))))
    environment = {
        "PATH": binaries,  # on which the trials' command looks for Python
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        **shares.environment(place),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "wandb", "agent", path],
        env=os.environ | environment,
        start_new_session=True,  # a terminal's Ctrl-C comes to us, who pass it on
    )


def _stop(agents: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Asks agents that still work twice: the first time they wait for their trials, the second time they stop them."""
    for _ in range(2):
        for agent in agents:
            if agent.poll() is None:
                agent.send_signal(signal.SIGINT)
                time.sleep(LOOK)
    deadline = time.monotonic() + SAVING
    for agent in agents:
        try:
            agent.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()

"""A sweep on a Weights & Biases server: it decides what is tried, its agents on this machine run the trials."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from internvideo_pl.errors import Interrupted, RunFailed, UserError
from internvideo_pl.run.sweep.document import ARGUMENTS, PREFIX, Sweep

PROJECT = "internvideo"
ONLINE = "wandb.mode=online"


def is_configured() -> bool:
    """Whether a server is to be used: a key is there, and the person has not asked to stay offline."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    import wandb

    # Newer versions warn that this is on its way out; what they name in its stead asks the server, or is not in 0.19.
    with contextlib.redirect_stderr(io.StringIO()):
        return bool(wandb.api.api_key)


def server_config(sweep: Sweep, overrides: Sequence[str], most: int | None) -> dict[str, Any]:
    """What the server is given: the file, with the trials' common arguments and the limit in it."""
    shared = [*sweep.words, *overrides]
    command = [*PREFIX, sweep.experiment, *shared, ONLINE, ARGUMENTS]
    config = {**sweep.raw, "command": command, "name": sweep.raw.get("name", sweep.name)}
    return {**config, "run_cap": most} if most is not None else config


def run_on_server(sweep: Sweep, overrides: Sequence[str], jobs: int, most: int | None) -> None:
    """Create the sweep and work on it with so many agents.

    Raises:
        UserError: The server did not take it.
        RunFailed: An agent ended with an error.
        Interrupted: A signal stopped it.
    """
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
    print(f"sweep {path}; more machines join it with: wandb agent {path}", flush=True)
    agents = [subprocess.Popen([sys.executable, "-m", "wandb", "agent", path]) for _ in range(jobs)]
    try:
        codes = [agent.wait() for agent in agents]
    except KeyboardInterrupt:
        for agent in agents:
            agent.terminate()
        raise Interrupted(2, f"the agents were stopped; they go on with: wandb agent {path}") from None
    if any(codes):
        raise RunFailed(f"an agent of the sweep {path} ended with the exit code {max(codes, key=abs)}")

"""What a run notes of itself before it begins: which experiment it is, and what each of its starts ran on.

`run.json` is how an unfinished run is found again; `done.json` says that it came to its end.
"""

import hashlib
import json
import os
import socket
import sys
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from internvideo_pl.bench.machine import describe
from internvideo_pl.config import Experiment, config_hash
from internvideo_pl.run.folder import write_json
from internvideo_pl.tables.provenance import code_version, file_hash, library_versions

RECORD = "run.json"


@dataclass(frozen=True)
class Identity:
    """What two commands must share for the second to continue the first's run.

    Attributes:
        experiment: Name of the experiment.
        mini: Whether it runs in its mini form.
        seed: Its seed.
        config_hash: Of its resolved config, whatever machines its processes are on; of all stages' configs for an
            experiment of stages.
    """

    experiment: str
    mini: bool
    seed: int
    config_hash: str

    @classmethod
    def of(cls, name: str, runs: Sequence[Experiment]) -> "Identity":
        """The identity of an experiment that runs these, itself alone or its stages."""
        hashes = [config_hash(_on_one_machine(run)) for run in runs]
        whole = hashes[0] if len(runs) == 1 else hashlib.sha256(" ".join(hashes).encode()).hexdigest()[:12]
        return cls(name, runs[0].mini, runs[0].seed, whole)


def _on_one_machine(run: Experiment) -> Experiment:
    """The experiment with as many processes on a single machine: 2 of 8 devices and 4 of 4 compute the same."""
    devices = run.trainer.devices
    if not isinstance(devices, int) or devices < 1:
        return run
    return replace(run, trainer=replace(run.trainer, devices=devices * run.trainer.num_nodes, num_nodes=1))


@dataclass
class Record:
    """The content of `run.json`.

    Attributes:
        identity: Which run this is.
        wandb_id: By which Weights & Biases knows it, whenever it is continued; in a sweep its agent's.
        parents: SHA-256 of each file of weights that it began with, by role.
        starts: Time, step, command, code, libraries and machine of each start.
    """

    identity: Identity
    wandb_id: str
    parents: dict[str, str]
    starts: list[dict[str, Any]]

    def write(self, folder: Path) -> None:
        """Into a run's folder."""
        write_json(folder / RECORD, asdict(self))


def read_record(folder: Path) -> Record | None:
    """The record in a folder; None where there is none, or none that can be read."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(**{**content, "identity": Identity(**content["identity"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def note_start(folder: Path, identity: Identity, parents: dict[str, Path], step: int = 0) -> Record:
    """Write down that a run starts or goes on.

    Args:
        folder: The run's folder.
        identity: Which run it is.
        parents: Files of weights that it starts from, by role; those of the first start count.
        step: Optimiser steps that it has behind it.
    """
    record = read_record(folder)
    if record is None:
        agents = os.environ.get("WANDB_RUN_ID") if "WANDB_SWEEP_ID" in os.environ else None
        record = Record(identity, agents or uuid.uuid4().hex[:8], {}, [])
    if step == 0:
        record.parents = {role: file_hash(path) for role, path in parents.items()}
    record.starts.append(_now(step))
    record.write(folder)
    return record


def _now(step: int) -> dict[str, Any]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "step": step,
        "command": sys.argv,
        "process": os.getpid(),
        "host": socket.gethostname(),
        "code": code_version(),
        "versions": library_versions(),
        "machine": {**describe(), "gpus": torch.cuda.device_count(), "cuda": torch.version.cuda},
    }

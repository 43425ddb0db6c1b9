"""A process that runs stages of a pipeline one after the other, seen from the parent: JSON objects, one a line.

Messages from the worker: {"kind": "progress", "phase", "step", "total", "loss"}, {"kind": "done", "seconds"},
{"kind": "mistake", "sentence"} for what a person must mend, {"kind": "failure", "sentence"} for a training that failed.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from internvideo_pl.config import Experiment, save_config
from internvideo_pl.errors import RunFailed, UserError

Message = dict[str, Any]
LOG = "log.txt"  # what a stage prints
PATIENCE = 20  # seconds that an idle worker gets to end by itself
SAVING = 120  # seconds that a stage gets to finish its step and to save
LINES_SHOWN = 30  # of that, when the stage fails


class Worker:
    """The parent's side of a worker process.

    Args:
        threads: Threads of its tensor operations.
    """

    def __init__(self, threads: int):
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "internvideo_pl.run.serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C comes to the parent, which passes it on once
            env=_without_sweep(os.environ) | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": path},
        )
        self.stage: str | None = None
        self.folder = Path()
        self.unread = b""
        self.stopping = False

    def __enter__(self) -> Self:
        """The worker itself."""
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """End the process: by itself when all went well; when something failed or was stopped, after it has saved."""
        assert self.process.stdin is not None
        try:
            if failure is None:
                self.process.stdin.close()
            else:
                self.stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE if failure is None else SAVING)
        finally:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Ask it to save what it trains and to end; does not wait."""
        if not self.stopping:
            self.stopping = True
            self.process.terminate()

    def fileno(self) -> int:
        """Where its messages arrive, for `select`."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def start(self, stage: Experiment, folders: dict[str, Path]) -> None:
        """Hand over a stage; its resolved config is written into its folder first."""
        self.stage, self.folder = stage.name, folders[stage.name]
        self.folder.mkdir(exist_ok=True)
        save_config(stage, self.folder / "config.yaml")
        order = {"folder": str(self.folder), "stages": {name: str(folder) for name, folder in folders.items()}}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> Iterator[Message]:
        """Messages that have arrived.

        Raises:
            UserError: The stage found something that the person must mend.
            RunFailed: Training failed.
            RuntimeError: The process ended before the stage did.
        """
        arrived = os.read(self.fileno(), 65536)
        if not arrived:
            raise RuntimeError(f"stage {self.stage} failed; the end of {self.folder / LOG}:\n{self._log_end()}")
        *lines, self.unread = (self.unread + arrived).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["kind"] == "mistake":
                raise UserError(message["sentence"])
            if message["kind"] == "failure":
                raise RunFailed(f"stage {self.stage}: {message['sentence']}")
            yield message

    def _log_end(self) -> str:
        log = self.folder / LOG
        return "\n".join(log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]) if log.is_file() else "(empty)"


def _without_sweep(environment: Mapping[str, str]) -> dict[str, str]:
    """What an agent of Weights & Biases says is of the whole pipeline, not of each of its stages."""
    return {name: value for name, value in environment.items() if name not in ("WANDB_SWEEP_ID", "WANDB_RUN_ID")}


def messages(workers: list[Worker]) -> Iterator[tuple[str, Message]]:
    """Wait until some worker says something; yields (stage, message)."""
    readable, _, _ = select.select([worker for worker in workers if worker.stage is not None], [], [])
    for worker in readable:
        for message in worker.read():
            assert worker.stage is not None
            yield worker.stage, message
            if message["kind"] == "done":
                worker.stage = None

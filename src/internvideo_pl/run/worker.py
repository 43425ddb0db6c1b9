"""A process that runs stages of a pipeline one after the other and reports its progress, a JSON object a line.

Messages from the worker: {"kind": "progress", "phase", "step", "total", "loss"}, {"kind": "done", "seconds"},
{"kind": "mistake", "sentence"} for what a person must mend.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from internvideo_pl.config import Experiment, load_resolved, save_config
from internvideo_pl.errors import UserError

Message = dict[str, Any]
LOG = "log.txt"  # what a stage prints
LINES_SHOWN = 30  # of that, when the stage fails


class Worker:
    """The parent's side of a worker process.

    Args:
        threads: Threads of its tensor operations.
    """

    def __init__(self, threads: int):
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "internvideo_pl.run.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self.stage: str | None = None
        self.folder = Path()
        self.unread = b""

    def __enter__(self) -> Self:
        """The worker itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()

    def start(self, stage: Experiment, folders: dict[str, Path]) -> None:
        """Hand over a stage; its resolved config is written into its folder first."""
        self.stage, self.folder = stage.name, folders[stage.name]
        self.folder.mkdir()
        save_config(stage, self.folder / "config.yaml")
        order = {"folder": str(self.folder), "stages": {name: str(folder) for name, folder in folders.items()}}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> Iterator[Message]:
        """Messages that have arrived.

        Raises:
            UserError: The stage found something that the person must mend.
            RuntimeError: The process ended before the stage did.
        """
        assert self.process.stdout is not None
        arrived = os.read(self.process.stdout.fileno(), 65536)
        if not arrived:
            raise RuntimeError(f"stage {self.stage} failed; the end of {self.folder / LOG}:\n{self._log_end()}")
        *lines, self.unread = (self.unread + arrived).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["kind"] == "mistake":
                raise UserError(message["sentence"])
            yield message

    def _log_end(self) -> str:
        log = self.folder / LOG
        return "\n".join(log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]) if log.is_file() else "(empty)"


def messages(workers: list[Worker]) -> Iterator[tuple[str, Message]]:
    """Wait until some worker says something; yields (stage, message)."""
    busy = {worker.process.stdout: worker for worker in workers if worker.stage is not None}
    readable, _, _ = select.select(list(busy), [], [])
    for stream in readable:
        worker = busy[stream]
        for message in worker.read():
            assert worker.stage is not None
            yield worker.stage, message
            if message["kind"] == "done":
                worker.stage = None


def serve() -> None:
    """The worker's side: runs the stages that arrive on standard input until it is closed."""
    reports = os.dup(sys.stdout.fileno())

    def report(**message: Any) -> None:
        os.write(reports, json.dumps(message).encode() + b"\n")

    from internvideo_pl.data.cache import FrameCache
    from internvideo_pl.run.schemas import SCHEMAS
    from internvideo_pl.run.single import run_one

    cache = FrameCache()
    for line in sys.stdin:
        order = json.loads(line)
        folder = Path(order["folder"])
        with (folder / LOG).open("wb") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
        experiment = load_resolved(folder / "config.yaml", schemas=SCHEMAS)
        stages = {name: Path(path) for name, path in order["stages"].items() if (Path(path) / "done.json").is_file()}
        try:
            finished = run_one(experiment, folder, stages, cache, report)
        except UserError as error:
            report(kind="mistake", sentence=str(error))
            return
        report(kind="done", seconds=finished.seconds)


if __name__ == "__main__":
    serve()

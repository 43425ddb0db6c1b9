"""The worker process itself: runs the stages that arrive on standard input, see `worker`."""

import json
import os
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.config import load_resolved
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.errors import Interrupted, RunFailed, UserError
from internvideo_pl.run.folder import DONE
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.single import run_one
from internvideo_pl.run.worker import LOG


class Orders:
    """What arrives on standard input, read by a thread of its own: its end says that the parent is gone.

    The parent closes it when nothing is left to do; if a stage is running then, the parent was killed, and the process
    ends at once, before another one continues the same run.
    """

    def __init__(self) -> None:
        self.queue: SimpleQueue[str | None] = SimpleQueue()
        self.running = False
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> str | None:
        """The next order, when it comes; None at the end."""
        self.running = False
        order = self.queue.get()
        self.running = order is not None
        return order

    def _listen(self) -> None:
        """Read the pipe itself: a loader worker that is forked meanwhile closes `sys.stdin`, and would wait for ever
        for the lock of a buffer that this thread reads from.
        """
        unread = b""
        while arrived := os.read(0, 65536):
            *lines, unread = (unread + arrived).split(b"\n")
            for line in lines:
                self.queue.put(line.decode())
        if self.running:
            os._exit(1)
        self.queue.put(None)


def serve() -> int:
    """Run stages until standard input is closed; what they print goes into each stage's log. Returns the exit code."""
    reports = os.dup(sys.stdout.fileno())

    def report(**message: Any) -> None:
        os.write(reports, json.dumps(message).encode() + b"\n")

    cache, orders = FrameCache(), Orders()
    while (line := orders.next()) is not None:
        order = json.loads(line)
        folder = Path(order["folder"])
        with (folder / LOG).open("ab") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
        experiment = load_resolved(folder / "config.yaml", schemas=SCHEMAS)
        stages = {name: Path(path) for name, path in order["stages"].items() if (Path(path) / DONE).is_file()}
        try:
            with Interrupts() as interrupts:
                finished = run_one(experiment, folder, stages, cache, interrupts, report)
        except UserError as error:
            report(kind="mistake", sentence=str(error))
            return 2
        except RunFailed as error:
            report(kind="failure", sentence=str(error))
            return 1
        except Interrupted as stop:
            print(stop, file=sys.stderr)
            return stop.code
        report(kind="done", seconds=finished.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(serve())

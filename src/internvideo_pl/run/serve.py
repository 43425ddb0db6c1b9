"""The worker process itself: runs the stages that arrive on standard input, see `worker`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from internvideo_pl.config import load_resolved
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import DONE
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.single import run_one
from internvideo_pl.run.worker import LOG


def serve() -> None:
    """Run stages until standard input is closed; what they print goes into each stage's log."""
    reports = os.dup(sys.stdout.fileno())

    def report(**message: Any) -> None:
        os.write(reports, json.dumps(message).encode() + b"\n")

    cache = FrameCache()
    for line in sys.stdin:
        order = json.loads(line)
        folder = Path(order["folder"])
        with (folder / LOG).open("wb") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
        experiment = load_resolved(folder / "config.yaml", schemas=SCHEMAS)
        stages = {name: Path(path) for name, path in order["stages"].items() if (Path(path) / DONE).is_file()}
        try:
            finished = run_one(experiment, folder, stages, cache, report)
        except UserError as error:
            report(kind="mistake", sentence=str(error))
            return
        report(kind="done", seconds=finished.seconds)


if __name__ == "__main__":
    serve()

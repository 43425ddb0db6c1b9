"""Renders and encodes the clips of a miniature, in this process or in several.

The processes are started as `python -m internvideo_pl.data.mini.worker` rather than by `multiprocessing`: that is safe
beside the threads of PyTorch, and needs no `__main__` guard in a user's script.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from internvideo_pl.data.mini.layouts import MINIS
from internvideo_pl.data.mini.write import write_clip

REPORT_EVERY = 20  # clips between two reports


@dataclass(frozen=True)
class Job:
    """Which miniature to write where.

    Attributes:
        name: A key of `MINIS`.
        folder: Where the files go; its sub-folders exist.
        seed: Of the miniature.
        options: Fields of the layout's options.
    """

    name: str
    folder: str
    seed: int
    options: dict[str, Any]


def write_clips(job: Job, workers: int) -> Iterator[int]:
    """Writes all video files of a miniature; yields, again and again, how many more are done.

    Raises:
        RuntimeError: A worker failed; the message ends with what it wrote to standard error.
    """
    if workers == 1:
        yield from _write_share(job, 0, 1)
        return
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "internvideo_pl.data.mini.worker", json.dumps(asdict(job))]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment = os.environ | one_thread | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryFile() as complaints, os.fdopen(reading) as reports:
        processes = [
            subprocess.Popen([*command, str(i), str(workers)], stdout=writing, stderr=complaints, env=environment)
            for i in range(workers)
        ]
        os.close(writing)  # the workers hold the other ends: the loop below ends when the last of them does
        try:
            yield from map(int, reports)
            failed = any(process.wait() for process in processes)
        finally:
            for process in processes:
                process.kill()
                process.wait()
        if failed:
            complaints.seek(0)
            raise RuntimeError(f"making the miniature {job.name} failed: {complaints.read().decode(errors='replace')}")


def _write_share(job: Job, worker: int, workers: int) -> Iterator[int]:
    """Writes every `workers`-th clip, from number `worker` on."""
    layout = MINIS[job.name]
    options = layout.options(**job.options)
    clips = layout.plan(job.seed, options)[worker::workers]
    for done, clip in enumerate(clips, start=1):
        write_clip(Path(job.folder) / clip.path, layout.draw(clip, options), layout.fps)
        if done % REPORT_EVERY == 0:
            yield REPORT_EVERY
    yield len(clips) % REPORT_EVERY


def main(job: str, worker: str, workers: str) -> None:
    """A worker process: writes its share and prints how many more clips are done, one number a line."""
    for done in _write_share(Job(**json.loads(job)), int(worker), int(workers)):
        os.write(sys.stdout.fileno(), f"{done}\n".encode())  # one call a line: lines of two processes never interleave


if __name__ == "__main__":
    main(*sys.argv[1:])

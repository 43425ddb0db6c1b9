"""Inspects videos in several processes; one that gets stuck, or ends its process, costs one video and nothing else.

The processes are spawned, not forked, which is safe beside the threads of PyTorch. Each sends a sign of life while it
works; when none comes for as long as it announced, it is killed, its video written down, and another process started.
"""

import math
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from internvideo_pl.data.doctor.inspect import QUIET, REASON, Alive, inspect
from internvideo_pl.data.location import stamp_of
from internvideo_pl.data.manifest import FileRecord
from internvideo_pl.video.deadline import set_limit

Work = Callable[[str, str, Alive, bool], FileRecord]


class Job(NamedTuple):
    """One video to inspect; the fields are those of `inspect`."""

    location: str
    name: str
    pictures: bool = False


BEAT = 1.0  # seconds between two signs of life
START = 120.0  # seconds that a process gets to start, on a busy machine with a slow disk


def inspect_all(jobs: Iterable[Job], processes: int, work: Work = inspect) -> Iterator[FileRecord]:
    """Inspect videos side by side; yields their records as they come, in no order.

    Args:
        jobs: The videos.
        processes: How many at a time.
        work: What to do with each; importable by name, as the processes are new ones.

    Raises:
        RuntimeError: A process cannot start.
    """
    left = list(jobs)[::-1]
    crew = [_Worker(work) for _ in range(min(processes, len(left)))]
    try:
        for worker in crew:
            worker.take(left.pop())
        while busy := [worker for worker in crew if worker.job]:
            patience = min(worker.deadline for worker in busy) - time.monotonic()
            heard = wait([worker.connection for worker in busy], max(patience, 0))
            for worker in busy:
                record = worker.listen() if worker.connection in heard else worker.overdue()
                if record is not None:
                    yield record
                    worker.take(left.pop() if left else None)
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """The parent's side of one process."""

    def __init__(self, work: Work):
        self.work = work
        self.job: Job | None = None
        self.start()

    def start(self) -> None:
        context = get_context("spawn")
        self.connection, child = context.Pipe()
        self.process = context.Process(target=_serve, args=(child, self.work), daemon=True)
        self.process.start()
        child.close()  # the process holds the other end: this one hears when it is gone
        self.ready = False

    def take(self, job: Job | None) -> None:
        self.job = job
        if job is not None:
            self.connection.send(job)
            self.deadline = time.monotonic() + (QUIET if self.ready else START)

    def listen(self) -> FileRecord | None:
        """Its message: the record, if that is what it was; a dead process leaves one that says so."""
        try:
            message: FileRecord | float = self.connection.recv()
        except (EOFError, OSError):
            return self._lost(f"ends the process that reads it ({self._end()})")
        self.ready = True
        if isinstance(message, FileRecord):
            return message
        self.deadline = time.monotonic() + message
        return None

    def overdue(self) -> FileRecord | None:
        """A record of the video that it is stuck in, if it is."""
        if time.monotonic() < self.deadline:
            return None
        return self._lost("gave no sign of life while it was read, and was given up")

    def _lost(self, reason: str) -> FileRecord:
        self.end()
        if not self.ready:
            raise RuntimeError(f"a process that inspects videos did not start: it {reason}")
        assert self.job is not None
        job = self.job
        self.start()
        return FileRecord(job.name, *(stamp_of(job.location) or (0, 0)), status="stuck", reason=reason)

    def _end(self) -> str:
        self.process.join()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def _serve(connection: Connection, work: Work) -> None:
    """The process itself: records for jobs, until the parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it too, and ends us
    set_limit(math.inf)  # a film may take minutes; it is the parent who tells slow from stuck
    said, heard = QUIET, time.monotonic()

    def alive(seconds: float) -> None:
        nonlocal said, heard
        if seconds != said or time.monotonic() - heard > BEAT:
            said, heard = seconds, time.monotonic()
            connection.send(seconds)

    connection.send(QUIET)
    while True:
        try:
            job: Job = connection.recv()
        except EOFError:
            return
        try:
            record = work(job.location, job.name, alive, job.pictures)
        except Exception as error:  # whatever a broken file makes FFmpeg or NumPy say: a run would end with it
            words = f"{type(error).__name__}: {error}"
            stamp = stamp_of(job.location) or (0, 0)
            record = FileRecord(job.name, *stamp, status="unreadable", reason=words[:REASON])
        connection.send(record)

"""A trial's run, as a process of its own: the same `internvideo run` that a person would type."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from internvideo_pl.run.folder import DONE, is_finished
from internvideo_pl.run.record import read_record
from internvideo_pl.run.sweep.trial import LOG, RUN
from internvideo_pl.tables.curves import read_metrics

SAVING = 150  # seconds that a run gets to save after it was told to stop
RUNNING = ".running"  # whose lock a run has from its first instruction to its last, also when its sweep is gone
LAST_LINES = 5  # of its log that say why it failed


class TrialRun:
    """The run of a trial. One that an earlier process has left running is waited for and not run twice.

    Args:
        folder: The trial's.
        words: Of `internvideo run`, without the folder.
        environment: What the process finds besides ours: threads, visible GPUs.
    """

    def __init__(self, folder: Path, words: Sequence[str], environment: dict[str, str]):
        self.folder, self.run = folder, folder / RUN
        self.words, self.environment = list(words), environment
        self.process: subprocess.Popen[bytes] | None = None
        self.started = time.monotonic()
        self.stopped = False
        self._begin()

    def poll(self) -> int | None:
        """The exit code once it has ended; None while it runs."""
        if self.process is not None:
            return self.process.poll()
        if is_finished(self.run) and not self._lives_on():
            return 0
        self._begin()
        return None

    def history(self, metric: str) -> list[float]:
        """What was logged of a metric so far, in the last of the run's stages that logs it."""
        for log in sorted(self.run.glob("**/metrics.csv"), reverse=True):
            with contextlib.suppress(ValueError):  # the log of a running process may end in half a line
                series = read_metrics(log)
                if metric in series:
                    return series[metric].values
        return []

    def stop(self) -> None:
        """Tell it to save and end; does not wait."""
        if self.process is not None and not self.stopped:
            self.process.send_signal(signal.SIGUSR1)  # a second one of these, from a cluster, is no impatience
        self.stopped = True

    def wait(self) -> None:
        """Wait until it has saved; after a time it is killed, and what it has not saved is lost."""
        if self.process is not None:
            try:
                self.process.wait(SAVING)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def end_of_log(self) -> str:
        """The last lines that it has printed."""
        path = self.folder / LOG
        lines = path.read_text(errors="replace").strip().splitlines() if path.is_file() else []
        return "\n".join(lines[-LAST_LINES:])

    @property
    def seconds(self) -> float:
        """How long it has run, in this process's time."""
        return time.monotonic() - self.started

    def _begin(self) -> None:
        handle = self._lock()
        if handle is None:
            return
        if is_finished(self.run):
            os.close(handle)
            return
        if self.run.is_dir() and read_record(self.run) is None and not (self.run / DONE).is_file():
            shutil.rmtree(self.run)  # it was killed before it had begun
        path = os.pathsep.join(filter(None, sys.path))
        with (self.folder / LOG).open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "internvideo_pl", "run", *self.words, f"paths.run={self.run}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C comes to the sweep, which passes it on once
                env=os.environ | {"PYTHONPATH": path} | self.environment,
                pass_fds=(handle,),
            )
        os.close(handle)  # the run has it now

    def _lock(self) -> int | None:
        """The trial's lock, which a process started with it keeps; None while an earlier one has it."""
        handle = os.open(self.folder / RUNNING, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

    def _lives_on(self) -> bool:
        """Whether the run of an earlier process still works."""
        handle = self._lock()
        if handle is not None:
            os.close(handle)
        return handle is None

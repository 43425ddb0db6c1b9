"""Ends a process that hangs in one video, and says in which.

A call that never returns (a hung network mount, a loop inside FFmpeg) cannot be broken off from Python: only its
process can be ended. A thread looks on from within the process. FFmpeg and reads of files run without the interpreter's
lock, so the thread runs while they hang.
"""

import math
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from multiprocessing.sharedctypes import RawArray

from internvideo_pl.video.deadline import Reading, limit, oldest_reading, set_limit

# Of the time that reading one video may take. Between packets the soft limit ends a slow read; what goes on for so much
# longer stays inside one call.
HARD = 1.5
LOOKS = 10  # within a time limit: how late the end may come is a tenth of it
EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: the next attempt may succeed
NAME_BYTES = 4096  # PATH_MAX of Linux

OnHang = Callable[[Reading], None]


class Victim:
    """Memory that a process shares with its workers, for the name of the video in which one of them was ended."""

    def __init__(self) -> None:
        self._name = RawArray("c", NAME_BYTES)

    @property
    def name(self) -> str | None:
        """The video, as ledgers call it; None while no worker has been ended."""
        return os.fsdecode(self._name.value) or None

    def forget(self) -> None:
        """Empties it."""
        self._name.value = b""

    def end_process(self, reading: Reading) -> None:
        """Writes the name down and ends this process at once."""
        self._name.value = os.fsencode(reading.name)[: NAME_BYTES - 1]
        os._exit(EXIT_CODE)


@cache
def victim() -> Victim:
    """The one of this process; it is handed to workers when they start, by whichever method they do."""
    return Victim()


def watch(seconds: float, on_hang: OnHang) -> Callable[[], None]:
    """Sets how long this process may read one video, and looks on from a thread.

    Args:
        seconds: the soft limit, infinite for none; the hard one is HARD times that.
        on_hang: called from the thread, once, with a read that does not end.

    Returns:
        A function that stops the thread.
    """
    set_limit(seconds)
    stopped = threading.Event()
    if math.isfinite(seconds):
        threading.Thread(target=_look_on, args=(stopped, on_hang), name="video watchdog", daemon=True).start()
    return stopped.set


def _look_on(stopped: threading.Event, on_hang: OnHang) -> None:
    while not stopped.wait(limit() / LOOKS):
        reading = oldest_reading()
        if reading is not None and time.monotonic() - reading.started > HARD * limit():
            on_hang(reading)
            return

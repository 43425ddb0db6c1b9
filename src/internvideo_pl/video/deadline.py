"""How long reading one video may take.

The soft limit is looked at between packets, so a slow file ends as a `DecodeError` like any other bad file. A call that
never returns (a hung network mount, a loop inside FFmpeg) is a matter for the watchdog (`video.watchdog`), which reads
here what this process is doing.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from internvideo_pl.video.faults import DecodeError

DEFAULT_SECONDS = 60.0  # half a second decodes a ten-second clip on one core; a minute of waiting is a broken file


@dataclass
class Reading:
    """One read of a video that is going on.

    Attributes:
        name: the video, as ledgers call it.
        started: seconds of `time.monotonic`.
    """

    name: str
    started: float


class _Thread(threading.local):
    reading: Reading | None = None


_here = _Thread()
_all: dict[int, Reading] = {}  # of every thread of this process, by thread
_limit = DEFAULT_SECONDS


def set_limit(seconds: float) -> None:
    """Sets how long this process may read one video; infinity switches the limit off."""
    global _limit
    _limit = seconds


def limit() -> float:
    """How long this process may read one video, seconds."""
    return _limit


@contextmanager
def limited(name: str) -> Iterator[None]:
    """Counts the time of the block as reading one video; inside such a block it changes nothing."""
    if _here.reading is not None:
        yield
        return
    _here.reading = _all[threading.get_ident()] = Reading(name, time.monotonic())
    try:
        yield
    finally:
        _here.reading = None
        _all.pop(threading.get_ident(), None)


def check_deadline() -> None:
    """Called between packets.

    Raises:
        DecodeError: the video that this thread reads has taken too long.
    """
    reading = _here.reading
    if reading is not None and time.monotonic() - reading.started > _limit:
        raise DecodeError(reading.name, f"took longer than {_limit:g} s to read")


def restarter() -> Callable[[], None]:
    """What begins the time of this thread's read anew, called from any thread.

    For a video that comes from afar: a gigabyte may take minutes, and that is no fault while bytes still arrive.
    """
    reading = _here.reading

    def restart() -> None:
        if reading is not None:
            reading.started = time.monotonic()

    return restart


def oldest_reading() -> Reading | None:
    """What this process has been reading for longest, over all its threads."""
    return min(list(_all.values()), key=lambda reading: reading.started, default=None)


def _forget() -> None:
    """After a fork the threads are gone, and with them what they read."""
    _all.clear()
    _here.reading = None


os.register_at_fork(after_in_child=_forget)

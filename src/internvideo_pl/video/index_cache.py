"""What is known of the videos that a process used last, bounded in bytes."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from internvideo_pl.video.container import Video, key_of

CACHED_BYTES = 32 * 2**20  # indices of 6,000 ten-second clips, or of 11 films of two hours


class Sized(Protocol):
    """Something that knows its size."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""


T = TypeVar("T", bound=Sized)


class IndexCache(Generic[T]):
    """Values by the content of a video, for all threads of a process.

    Those not used for longest go first once there are more than `limit` bytes of them.
    """

    def __init__(self, limit: int = CACHED_BYTES) -> None:
        self.limit = limit
        self.nbytes = 0
        self._values: OrderedDict[Hashable, T] = OrderedDict()  # the one used last at the end
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._unlock)

    def get(self, kind: str, video: Video, make: Callable[[Video], T]) -> T:
        """The value of a video, made if it is not there.

        Args:
            kind: tells values of different makers apart.
            video: a file, or where else a video lies.
            make: makes the value; two threads may make the same one at once.

        Raises:
            DecodeError: the video is not there, or `make` finds fault with it.
        """
        key = kind, key_of(video)
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make(video)
        with self._lock:
            self._drop(key)
            self._values[key] = value
            self.nbytes += value.nbytes
            while self.nbytes > self.limit and len(self._values) > 1:
                self._drop(next(iter(self._values)))
        return value

    def clear(self) -> None:
        """Forgets all values."""
        with self._lock:
            self._values.clear()
            self.nbytes = 0

    def _drop(self, key: Hashable) -> None:
        if key in self._values:
            self.nbytes -= self._values.pop(key).nbytes

    def _unlock(self) -> None:
        """In a forked process a thread that held the lock is gone."""
        self._lock = threading.Lock()

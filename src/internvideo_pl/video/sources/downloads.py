"""A folder of copies of remote files, bounded in bytes, shared by any number of processes on one machine."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from internvideo_pl.video.deadline import restarter

# A process looks over the folder when it has added this share of the budget since its last look; until then the folder
# may exceed its budget by as much for each process.
LOOK_SHARE = 1 / 64
WAIT = 0.05  # seconds between two looks at a download of another process
_added: dict[Path, int] = {}  # bytes since this process last looked, by folder


@dataclass(frozen=True)
class Downloads:
    """Copies of what URLs name; those that were not read for longest go first when the budget is exceeded.

    A copy appears whole or not at all. Two processes that want the same file fetch it once: the second waits. A file
    may be removed while it is open: the reader keeps its bytes.

    Attributes:
        folder: Where the copies lie; it is made when needed.
        budget: Bytes.
    """

    folder: Path
    budget: int

    def open(self, url: str, fetch: Callable[[Path], None]) -> BinaryIO:
        """A copy, fetched if it is not there.

        Args:
            url: What it is a copy of.
            fetch: Writes the original's bytes to a path.
        """
        ending = Path(urlsplit(url).path).suffix[:16]
        path = self.folder / (hashlib.sha256(url.encode()).hexdigest() + ending)
        while True:
            with suppress(FileNotFoundError):  # not fetched yet, or removed by another process a moment ago
                file = path.open("rb")
                status = os.fstat(file.fileno())
                # The time of reading is set here, since many file systems do not keep it.
                with suppress(PermissionError):  # another person's copy
                    os.utime(file.fileno(), ns=(time.time_ns(), status.st_mtime_ns))
                return file
            self._add(path, fetch)

    def _add(self, path: Path, fetch: Callable[[Path], None]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f"{path.suffix}.part")
        with partial.open("ab") as lock:
            _wait_for(lock)
            if not _is_at(lock, partial):
                return  # another process had it in hand and finished
            try:
                if not path.exists():
                    fetch(partial)
                    _added[self.folder] = _added.get(self.folder, 0) + os.fstat(lock.fileno()).st_size
                    os.replace(partial, path)
            finally:
                with suppress(FileNotFoundError):
                    partial.unlink()
        if _added.get(self.folder, 0) > self.budget * LOOK_SHARE:
            self._shrink(keep=path)
            _added[self.folder] = 0

    def _shrink(self, keep: Path) -> None:
        """Removes copies until the rest is within the budget, and what killed processes left half done."""
        copies: list[tuple[int, int, Path]] = []
        for entry in os.scandir(self.folder):
            path = Path(entry.path)
            with suppress(FileNotFoundError):
                if path.suffix == ".part":
                    _remove_abandoned(path)
                else:
                    status = entry.stat()
                    copies.append((status.st_atime_ns, status.st_size, path))
        excess = sum(size for _, size, _ in copies) - self.budget
        for _, size, path in sorted(copies):
            if excess <= 0:
                break
            if path != keep:
                path.unlink(missing_ok=True)
                excess -= size


def _wait_for(file: BinaryIO) -> None:
    """Locks a file, which the system frees when this process ends. Another's download may take long while it grows."""
    restart, size = restarter(), -1
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if os.fstat(file.fileno()).st_size != size:
            restart()
            size = os.fstat(file.fileno()).st_size
        time.sleep(WAIT)


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    return False


def _remove_abandoned(partial: Path) -> None:
    with partial.open("rb") as file, suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while a process is fetching it
        if _is_at(file, partial):
            partial.unlink()

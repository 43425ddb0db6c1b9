"""Who writes into a run's folder: a lock that is gone with its process, however that ends."""

import errno
import fcntl
import json
import os
import socket
from pathlib import Path

LOCK = ".lock"
HELD = (errno.EACCES, errno.EAGAIN)  # what POSIX lets a lock fail with when another process has it


class Lock:
    """A record lock on a file of the folder. Unlike `flock`'s it is not inherited by loader workers, which outlive a
    killed trainer by seconds.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: Path):
        self.path = folder / LOCK
        self.handle: int | None = None

    def acquire(self) -> bool:
        """Whether the folder is ours now; if not, another living process writes there, or another person."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except PermissionError:
            return False
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = False
        except OSError as error:
            held = error.errno in HELD or self._seems_alive()  # some network file systems have no locks
        if held:
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        self.handle = handle
        return True

    def holder(self) -> str:
        """Words for who has it, to be asked after `acquire` failed."""
        held = self._read()
        return f"process {held['pid']} on {held['host']}" if held else "another process"

    def release(self) -> None:
        """Let go, and take the file away."""
        if self.handle is not None:
            self.path.unlink(missing_ok=True)
            os.close(self.handle)
            self.handle = None

    def _read(self) -> dict[str, str]:
        try:
            held = json.loads(self.path.read_text())
            return {"pid": str(held["pid"]), "host": str(held["host"])}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _seems_alive(self) -> bool:
        """Whether the process that wrote the file may still run; of another machine nothing can be known."""
        held = self._read()
        if not held or held["pid"] == str(os.getpid()):
            return False
        return held["host"] != socket.gethostname() or Path("/proc", held["pid"]).exists()

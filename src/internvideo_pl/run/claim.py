"""Which folder a command writes into: that of the run it continues, or a new one."""

import sys
from pathlib import Path
from typing import Self

from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import is_finished, new_run_folder, numbered
from internvideo_pl.run.lock import Lock
from internvideo_pl.run.record import Identity, read_record


class Claim:
    """A run's folder that no other process writes into until this one lets go of it or ends.

    Args:
        folder: The folder.
        lock: Its lock, acquired.
    """

    def __init__(self, folder: Path, lock: Lock):
        self.folder = folder
        self.lock = lock

    def __enter__(self) -> Self:
        """The claim itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go; a folder in which nothing was begun is taken away."""
        self.lock.release()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


def claim(identity: Identity, results: Path, chosen: Path | None = None, resume: bool = True) -> Claim:
    """The folder for a run.

    The newest unfinished run of the same experiment, form, seed and config is continued, unless a newer one came to its
    end or its process still lives; else a new number is taken.

    Args:
        identity: Which run it is.
        results: Folder of all runs.
        chosen: The folder that the person asked for (`paths.run`).
        resume: Whether an unfinished run may be continued.

    Raises:
        UserError: The chosen folder holds something else, or the folder cannot be written.
    """
    if chosen is not None and resume and read_record(chosen) is not None and not is_finished(chosen):
        return _continued(chosen, identity)
    found = _unfinished(identity, results) if resume and chosen is None else None
    if found is not None:
        return found
    folder = new_run_folder(results, identity.experiment, chosen)
    lock = Lock(folder)
    lock.acquire()
    return Claim(folder, lock)


def _unfinished(identity: Identity, results: Path) -> Claim | None:
    for folder in numbered(results / identity.experiment):
        record = read_record(folder)
        if record is None or record.identity != identity:
            continue
        if is_finished(folder):
            return None
        lock = Lock(folder)
        if lock.acquire():
            return Claim(folder, lock)
        print(f"{folder} is still written by {lock.holder()}: this is another run", file=sys.stderr)
    return None


def _continued(folder: Path, identity: Identity) -> Claim:
    record, lock = read_record(folder), Lock(folder)
    assert record is not None
    if record.identity != identity:
        theirs = " MINI=1" if record.identity.mini else ""
        raise UserError(
            f"{folder} holds an unfinished run of another configuration, NAME={record.identity.experiment}{theirs}: "
            f"its hash is {record.identity.config_hash}, this command's is {identity.config_hash}; compare with its "
            "config.yaml, or leave paths.run out for a new number"
        )
    if not lock.acquire():
        raise UserError(f"{folder} is still written by {lock.holder()}; wait for it, or leave paths.run out")
    return Claim(folder, lock)

"""A sweep's trials on the disk: a folder each, that one living process works on, and a file that appears whole.

Any number of processes, on any number of machines that share the folder, may work on one sweep. A trial whose process
is gone, however it ended, is taken up again by the next one.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import write_json
from internvideo_pl.run.lock import Lock

TRIAL, RUN, LOG = "trial.json", "run", "log.txt"
State = Literal["running", "done", "stopped", "failed"]
ENDED: tuple[State, ...] = ("done", "stopped", "failed")


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: From 0.
        values: What the parameters were, by name.
        inner: What was drawn for them, as optuna has it; empty for a grid.
        state: "running" until it ended; "stopped" early by hyperband; "failed" when its run did.
        value: The metric; NaN where there is none.
        history: The metric as it was logged on the way.
        seconds: Wall time.
        gpu_hours: Hours times GPUs.
        note: Why it failed.
        kills: Times that its run was killed from outside.
    """

    number: int
    values: dict[str, Any]
    inner: dict[str, Any] = field(default_factory=dict)
    state: State = "running"
    value: float = math.nan
    history: tuple[float, ...] = ()
    seconds: float = 0.0
    gpu_hours: float = 0.0
    note: str = ""
    kills: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ENDED


class Trials:
    """The trials of a sweep.

    Args:
        folder: The sweep's; `trials/` is made in it.
    """

    def __init__(self, folder: Path):
        self.folder = folder / "trials"
        self.locks: dict[int, Lock] = {}

    def path(self, number: int) -> Path:
        """The folder of a trial."""
        return self.folder / f"{number:04d}"

    def all(self) -> list[Trial]:
        """Every trial that has its file, by number.

        Raises:
            UserError: A file is damaged.
        """
        found = sorted(path for path in self.folder.glob("*/" + TRIAL) if path.parent.name.isdigit())
        return [_read(path) for path in found]

    def numbers(self) -> list[int]:
        """Numbers that are taken, rising."""
        return sorted(int(path.name) for path in self.folder.glob("*") if path.name.isdigit())

    def abandoned(self) -> Iterator[int]:
        """Numbers of trials that have not ended and that no living process holds; each is ours once it is yielded."""
        for number in self.numbers():
            path = self.path(number) / TRIAL
            if number not in self.locks and not (path.is_file() and _read(path).ended) and self.take(number):
                if path.is_file() and _read(path).ended:  # it ended between the look and the lock
                    self.let_go(number)
                else:
                    yield number

    def claim(self, most: int) -> int | None:
        """A new trial's number, which is ours; None when there are `most` already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            number = max(self.numbers(), default=-1) + 1
            if number >= most:
                return None
            try:
                self.path(number).mkdir()
            except FileExistsError:  # another process was faster
                continue
            if self.take(number):
                return number

    def take(self, number: int) -> bool:
        """Whether the trial is ours now."""
        lock = Lock(self.path(number))
        if lock.acquire():
            self.locks[number] = lock
            return True
        return False

    def let_go(self, number: int) -> None:
        """Leave a trial to others."""
        self.locks.pop(number).release()

    def read(self, number: int) -> Trial | None:
        """A trial's file; None before it has one."""
        path = self.path(number) / TRIAL
        return _read(path) if path.is_file() else None

    def write(self, trial: Trial) -> None:
        """Keep a trial."""
        content = dataclasses.asdict(trial)
        content["value"] = trial.value if math.isfinite(trial.value) else None
        content["history"] = [value if math.isfinite(value) else None for value in trial.history]
        write_json(self.path(trial.number) / TRIAL, content)


def _read(path: Path) -> Trial:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["value"] = math.nan if content["value"] is None else float(content["value"])
        content["history"] = tuple(math.nan if value is None else float(value) for value in content["history"])
        return Trial(**content)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is not a trial of a sweep ({error}); delete its folder to run it again") from error

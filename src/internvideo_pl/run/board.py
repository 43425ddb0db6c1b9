"""The progress of all stages at once: bars on a terminal, a line at each stage's start and end elsewhere."""

import sys
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Board:
    """A bar for each stage of a pipeline.

    Args:
        names: The stages, in order.
    """

    def __init__(self, names: list[str]):
        self.names = names
        self.live = sys.stderr.isatty()
        columns = (
            TextColumn("{task.description:<34}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]:<22}"),
            TimeElapsedColumn(),
        )
        self.progress = Progress(*columns, console=Console(stderr=True), disable=not self.live)
        self.tasks = {name: self.progress.add_task(name, total=None, start=False, state="waiting") for name in names}

    def __enter__(self) -> Self:
        """Starts drawing."""
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the last picture standing."""
        self.progress.stop()

    def keep(self, name: str) -> None:
        """A stage was finished by an earlier start of the run."""
        self.progress.update(self.tasks[name], completed=1, total=1, state="done before")
        self._say(name, "done before")

    def start(self, name: str) -> None:
        """A stage begins."""
        self.progress.start_task(self.tasks[name])
        self.progress.update(self.tasks[name], state="starting")
        self._say(name, "started")

    def show(self, name: str, message: dict[str, Any]) -> None:
        """A worker's message."""
        task = self.tasks[name]
        if message["kind"] == "done":
            total = self.progress.tasks[task].total or 1
            self.progress.update(task, completed=total, total=total, state="done")
            self.progress.stop_task(task)
            self._say(name, f"done after {message['seconds']:.0f} s")
        else:
            loss = message["loss"]
            state = message["phase"] if loss is None else f"{message['phase']}, loss {loss:.3f}"
            self.progress.update(task, completed=message["step"], total=message["total"], state=state)

    def _say(self, name: str, what: str) -> None:
        if not self.live:
            print(f"[{self.names.index(name) + 1}/{len(self.names)}] {name}: {what}", file=sys.stderr, flush=True)

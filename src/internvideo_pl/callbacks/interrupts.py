"""Signals that ask a run to stop: training finishes its step and saves, everything else stops at once."""

import signal
import sys
import threading
from types import FrameType
from typing import Any, Self

import lightning as L

from internvideo_pl.errors import Interrupted

# Ctrl-C; what `kill`, containers and clusters send; the warning that SLURM sends before it takes a job's time away.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Interrupts(L.Callback):
    """Handles signals while it is entered; `asked` is the signal that training has still to obey.

    While training runs, the first signal is only noted: whoever saves the state looks at `asked` between two steps, and
    ends the time of `training` when nothing is left to save. A second signal, and any outside training, raises
    `Interrupted` where the program is.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self.training = False
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals over; only a main thread can."""
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """From here on signals wait for the end of a step; Lightning's own handlers, set by now, give way."""
        self.training = True
        for number in self.before:
            signal.signal(number, self._handle)

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Training is over."""
        self.training = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None and number == signal.SIGUSR1:
            return  # a cluster's warning also comes by way of torchrun: the second is no impatience
        if not self.training or self.asked is not None:
            raise Interrupted(number)
        self.asked = number
        print("stopping after this step; once more stops at once, without saving", file=sys.stderr, flush=True)

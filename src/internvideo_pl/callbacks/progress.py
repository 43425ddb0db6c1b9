"""A run's progress as messages, for whoever shows it."""

import time
from collections.abc import Callable
from typing import Any

import lightning as L

Report = Callable[..., None]
SECONDS_BETWEEN = 0.5  # messages; more often, a person could not read them


class ReportProgress(L.Callback):
    """Reports steps of training and batches of the test.

    Args:
        report: Takes `kind="progress"`, `phase`, `step`, `total` and `loss` (None while testing).
    """

    def __init__(self, report: Report):
        self.report = report
        self.last = 0.0

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """One more step."""
        self._send("training", trainer.global_step, trainer.max_steps, trainer.progress_bar_metrics.get("train/loss"))

    def on_test_batch_end(
        self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, number: int, *_: Any
    ) -> None:
        """One more batch."""
        total = trainer.num_test_batches[0]  # infinity where nobody knows it beforehand
        self._send("testing", number + 1, int(total) if total < float("inf") else number + 1, None)

    def _send(self, phase: str, step: int, total: int, loss: Any) -> None:
        now = time.monotonic()
        if now - self.last >= SECONDS_BETWEEN or step == total:
            self.last = now
            number = None if loss is None else float(loss)
            self.report(kind="progress", phase=phase, step=step, total=max(total, step), loss=number)

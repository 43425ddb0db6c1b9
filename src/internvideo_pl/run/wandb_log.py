"""Weights & Biases for a run that may be continued: one run there, without holes and without repetitions."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from internvideo_pl.callbacks.shown import series
from internvideo_pl.config import Experiment
from internvideo_pl.run.metrics_log import MetricsLog


class WandbLog(WandbLogger):
    """Goes on under the id of the first start.

    A start that is killed may take rows with it that were not on the disk yet, and what was sent cannot be taken back.
    So the offline files of earlier starts give way to one that begins with the rows that `metrics.csv` has kept and the
    pictures that will not be drawn again; where rows have left the machine, those that are about to be repeated, with
    the same numbers, are not sent again.

    Args:
        experiment: Its name, and its words for Weights & Biases.
        folder: The run's folder.
        wandb_id: The run's.
        metrics: The rows so far.
        step: Optimiser steps that the run has behind it.
    """

    def __init__(self, experiment: Experiment, folder: Path, wandb_id: str, metrics: MetricsLog, step: int = 0):
        os.environ.setdefault("WANDB_SILENT", "true")
        config = experiment.wandb
        offline = config.mode == "offline"
        super().__init__(
            name=experiment.name,
            project=config.project,
            entity=config.entity,
            tags=config.tags,
            save_dir=folder,
            id=wandb_id,
            offline=offline,
        )
        self._wandb_init.pop("anonymous", None)  # Lightning's word, of which Weights & Biases warns
        self.sent_until = -1
        if offline and not any(folder.glob("wandb/*/*.synced")):
            self._begin_again(folder, metrics, step)
        else:
            self.sent_until = metrics.logged_until

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send what is new."""
        if step is None or step > self.sent_until:
            super().log_metrics(metrics, step)

    @rank_zero_only
    def _begin_again(self, folder: Path, metrics: MetricsLog, done: int) -> None:
        for earlier in folder.glob("wandb/offline-run-*"):
            shutil.rmtree(earlier)
        pictures = _pictures(folder, done) if done else []
        for row in metrics.read():
            step = int(row.pop("step"))
            while pictures and pictures[0][0] < step:
                self._log_picture(*pictures.pop(0))
            self.log_metrics({name: float(value) for name, value in row.items() if value}, step)
        for picture in pictures:
            self._log_picture(*picture)

    def _log_picture(self, step: int, path: Path) -> None:
        name, drawn = series(path)
        words = name.replace("_", " ") if drawn is None else f"after step {drawn:,}"
        self.log_image(name, images=[str(path)], step=step, caption=[words])


def _pictures(folder: Path, done: int) -> list[tuple[int, Path]]:
    """What earlier starts have drawn of the training, each with the last step that was taken before it, in order."""
    found = [(0, path) for path in folder.glob("augmented.png")]
    for path in folder.glob("reconstruction_*.png"):
        _, drawn = series(path)
        if drawn is not None and drawn <= done:
            found.append((max(drawn - 1, 0), path))
    return [*sorted(found), *((done - 1, path) for path in sorted(folder.glob("curves_*.png")))]

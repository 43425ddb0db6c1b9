"""Weights & Biases for a run that may be continued: one run there, without holes and without repetitions."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from internvideo_pl.config import Experiment
from internvideo_pl.run.metrics_log import MetricsLog


class WandbLog(WandbLogger):
    """Goes on under the id of the first start.

    A start that is killed may take rows with it that were not on the disk yet, and what was sent cannot be taken back.
    So the offline files of earlier starts give way to one that begins with the rows that `metrics.csv` has kept; where
    rows have left the machine, those that are about to be repeated, with the same numbers, are not sent again.

    Args:
        experiment: Its name, and its words for Weights & Biases.
        folder: The run's folder.
        wandb_id: The run's.
        metrics: The rows so far.
    """

    def __init__(self, experiment: Experiment, folder: Path, wandb_id: str, metrics: MetricsLog):
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
            self._begin_again(folder, metrics)
        else:
            self.sent_until = metrics.logged_until

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send what is new."""
        if step is None or step > self.sent_until:
            super().log_metrics(metrics, step)

    @rank_zero_only
    def _begin_again(self, folder: Path, metrics: MetricsLog) -> None:
        for earlier in folder.glob("wandb/offline-run-*"):
            shutil.rmtree(earlier)
        for row in metrics.read():
            step = int(row.pop("step"))
            self.log_metrics({name: float(value) for name, value in row.items() if value}, step)

"""Curves of what a run logged, losses and the coordination's gates by layer, as SVG, PNG and to loggers."""

from pathlib import Path
from typing import Any

import lightning as L

from internvideo_pl.callbacks.pictures import Preview
from internvideo_pl.callbacks.shown import draw, log_preview
from internvideo_pl.tables.curves import run_drawings

LOG = "metrics.csv"
SHOWN = ("train", "gates")  # kinds that are worth a picture of their own; the report draws all
QUARTERS = 4  # parts of a run, after each of which its pictures are drawn


def ends_of_quarters(total_steps: int) -> set[int]:
    """After how many optimiser steps a part of the run is over, and another one follows."""
    return {total_steps * i // QUARTERS for i in range(1, QUARTERS)} - {0}


class RunCurves(L.Callback):
    """Draws `curves_<kind>.svg` and `.png` at each quarter of the run and when it ends, and hands the PNG to every
    logger that takes pictures.

    Args:
        folder: The run's folder, where `metrics.csv` is.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.drawn_at = -1

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw what was logged so far: a run that is killed has its curves too."""
        step = trainer.global_step
        if step != self.drawn_at and step in ends_of_quarters(trainer.max_steps):
            self.drawn_at = step
            self._draw(trainer)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Draw what was logged; of a run that goes on, its earlier starts too."""
        self._draw(trainer)

    def _draw(self, trainer: L.Trainer) -> None:
        if not trainer.is_global_zero:
            return
        for kind, drawing in run_drawings(self.folder / LOG).items():
            if kind in SHOWN:
                log_preview(Preview(draw(drawing, self.folder / f"curves_{kind}.svg"), f"{drawing.alt}."), trainer)

"""Curves of what a run logged, losses and the coordination's gates by layer, as SVG, PNG and to loggers."""

from pathlib import Path

import lightning as L

from internvideo_pl.tables.curves import run_drawings
from internvideo_pl.tables.drawing import to_png, to_svg

LOG = "metrics.csv"
SHOWN = ("train", "gates")  # kinds that are worth a picture of their own; the report draws all


class RunCurves(L.Callback):
    """Draws `curves_<kind>.svg` and `.png` when training ends, and hands the PNG to every logger that takes pictures.

    Args:
        folder: The run's folder, where `metrics.csv` is.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Draw what was logged; of a run that goes on, its earlier starts too."""
        if not trainer.is_global_zero:
            return
        for kind, drawing in run_drawings(self.folder / LOG).items():
            if kind not in SHOWN:
                continue
            path = self.folder / f"curves_{kind}.png"
            path.with_suffix(".svg").write_text(to_svg(drawing), encoding="utf-8")
            path.write_bytes(to_png(drawing))
            for logger in trainer.loggers:
                if hasattr(logger, "log_image"):
                    logger.log_image(path.stem, images=[str(path)])

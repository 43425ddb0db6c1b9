"""What shows a picture: the run's folder, as SVG with a PNG beside it, and every logger that takes pictures."""

import re
from pathlib import Path

import lightning as L

from internvideo_pl.callbacks.pictures import Preview
from internvideo_pl.tables.drawing import Drawing, to_png, to_svg
from internvideo_pl.whole_file import write_whole


def draw(drawing: Drawing, path: Path) -> Path:
    """Write a drawing as the SVG `path`, and as a PNG of the same name."""
    write_whole(path, to_svg(drawing))
    write_whole(path.with_suffix(".png"), to_png(drawing))
    return path


def series(path: Path) -> tuple[str, int | None]:
    """What a picture shows, by its name, and after which step it was drawn; None where that is not said."""
    name, step = re.fullmatch(r"(.*?)(?:_(\d+))?", path.stem).groups()  # type: ignore[union-attr]
    return name, None if step is None else int(step)


def log_preview(preview: Preview, trainer: L.Trainer, step: int | None = None) -> None:
    """Hand a picture to the loggers; of an SVG the PNG beside it, for they want pixels.

    Pictures of one kind, whose names differ in a step at the end, are one series.
    """
    name, _ = series(preview.path)
    for logger in trainer.loggers:
        if hasattr(logger, "log_image"):
            picture = str(preview.path.with_suffix(".png"))
            logger.log_image(name, images=[picture], step=step, caption=[preview.caption])

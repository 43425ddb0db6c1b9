"""Whether there is room for what a run writes, and whether it may write at all."""

import shutil
import tempfile
from pathlib import Path

from internvideo_pl.data.doctor.check import Check
from internvideo_pl.data.doctor.sizes import gigabytes

FLOAT = 4  # bytes of a weight in float32, which checkpoints are kept in
STATES = 3  # of a trained weight: itself and AdamW's two moments
CHECKPOINTS = 2  # on disk at once: the next is whole before the last one goes
PICTURES = 100_000_000  # bytes of pictures, reports and logs of a run, generously


def bytes_written(trained: int, frozen: int) -> int:
    """Bytes that a run writes at most at one time: checkpoints, the final weights, pictures.

    Args:
        trained: Number of weights that are trained.
        frozen: Number of the others.
    """
    weights = (trained + frozen) * FLOAT
    checkpoint = weights + trained * FLOAT * (STATES - 1)
    return CHECKPOINTS * checkpoint + weights + PICTURES


def check_space(folder: Path, needed: int | None) -> Check:
    """Whether the results folder, or the nearest one above it that exists, can be written and has room.

    Args:
        folder: The results folder.
        needed: Bytes; None where that is not known yet.
    """
    here = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    todo = "choose another folder with ARGS=paths.results=<folder> or the environment variable INTERNVIDEO_RESULTS"
    try:
        tempfile.TemporaryFile(dir=here).close()
    except OSError as error:
        return Check("results folder", "fails", f"{folder} cannot be written ({error.strerror})", todo=todo)
    free = shutil.disk_usage(here).free
    if needed is None:
        return Check("free disk", "ok", f"{gigabytes(free)} free in {folder}; the model's size is not known yet")
    sentence = f"{gigabytes(free)} free in {folder}, the run needs up to {gigabytes(needed)}"
    if free < needed:
        return Check("free disk", "fails", sentence, todo=f"make room, or {todo}")
    return Check("free disk", "ok", sentence)

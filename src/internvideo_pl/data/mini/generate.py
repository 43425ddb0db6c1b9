"""Makes a miniature on first use and keeps it: whole, or not there at all.

A clip is a function of (layout, seed, options) alone, so the number of processes changes nothing. Everything is written
under a temporary name that is changed once it is whole; a lock lets a second maker of the same miniature wait for it.
"""

import dataclasses
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from internvideo_pl.cores import usable_cores
from internvideo_pl.data.mini.layout import Layout
from internvideo_pl.data.mini.layouts import MINIS
from internvideo_pl.data.mini.worker import Job, write_clips
from internvideo_pl.errors import UserError, hint

VERSION = 4  # raise it whenever the same seed would give other files
MANIFEST = "manifest.json"
CLIPS_PER_WORKER = 100  # fewer than this are done sooner than another process has started


def make_mini(name: str, cache: Path, seed: int = 0, workers: int | None = None, **options: Any) -> Path:
    """The folder of a miniature, made if it is not yet in the cache.

    Args:
        name: A key of `MINIS`.
        cache: Folder that holds all miniatures.
        seed: The same seed gives the same files, byte for byte, with the same NumPy and PyAV.
        workers: Processes that render; one a core if None.
        options: Fields of the layout's options, e.g. `train=10`.

    Returns:
        A folder in the dataset's official layout, plus `manifest.json`.

    Raises:
        UserError: Unknown name or option, or the cache cannot be written.
    """
    if name not in MINIS:
        raise UserError(f"there is no miniature {name!r}.{hint(name, MINIS)}")
    layout = MINIS[name]
    job = Job(name, "", seed, dataclasses.asdict(_choose(name, layout, options)))
    folder = cache / f"{name}-{_key(job)}"
    if (folder / MANIFEST).is_file():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_suffix(".lock")):
            if not (folder / MANIFEST).is_file():
                _make(job, layout, folder, workers or usable_cores())
    except OSError as error:
        raise UserError(
            f"the miniature {name} cannot be written to {cache} ({error.strerror}); "
            "point INTERNVIDEO_CACHE to another folder"
        ) from error
    return folder


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a miniature but its manifest."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _choose(name: str, layout: Layout, options: dict[str, Any]) -> Any:
    known = [field.name for field in dataclasses.fields(layout.options)]
    for option in options:
        if option not in known:
            raise UserError(f"the miniature {name} has no option {option!r}.{hint(option, known)}")
    return layout.options(**options)


def _key(job: Job) -> str:
    recipe = json.dumps([job.name, job.seed, VERSION, job.options], sort_keys=True)
    return f"seed{job.seed}-{hashlib.sha256(recipe.encode()).hexdigest()[:10]}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock file; the system frees it when the process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(job: Job, layout: Layout, folder: Path, workers: int) -> None:
    options = layout.options(**job.options)
    clips = layout.plan(job.seed, options)
    unfinished = folder.with_suffix(".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)  # left by an interrupted run: we hold the lock, so nobody works on it
    for parent in {unfinished, *((unfinished / clip.path).parent for clip in clips)}:
        parent.mkdir(parents=True, exist_ok=True)
    layout.annotate(unfinished, clips, job.seed, options)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"making miniature {job.name}", total=len(clips))
        for done in write_clips(
            dataclasses.replace(job, folder=str(unfinished)), max(min(workers, -(-len(clips) // CLIPS_PER_WORKER)), 1)
        ):
            progress.advance(task, done)
    if layout.finish is not None:
        layout.finish(unfinished)
    libraries = {"av": av.__version__, "numpy": np.__version__}
    manifest = dataclasses.asdict(job) | {"version": VERSION, "clips": len(clips), "libraries": libraries}
    del manifest["folder"]
    text = json.dumps(manifest | {"sha256": digest(unfinished)}, indent=2)
    (unfinished / MANIFEST).write_text(text + "\n", encoding="utf-8")
    unfinished.rename(folder)

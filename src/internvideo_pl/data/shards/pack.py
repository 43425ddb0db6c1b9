"""Packs a list of videos into a folder of shards, in several processes; can be stopped anywhere and begun again."""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.shards.manifest import MANIFEST, Manifest, Record, read_manifest, write_manifest
from internvideo_pl.data.shards.plan import Shard, digest_of, make_plan
from internvideo_pl.data.shards.processes import pack_shards
from internvideo_pl.data.shards.reencode import Reencode
from internvideo_pl.errors import UserError


def pack(
    dataset: str,
    samples: Iterable[Sample],
    folder: Path,
    *,
    missing: Iterable[str] = (),
    settings: Reencode | None = None,
    jobs: int = 1,
    max_bytes: int | None = None,
) -> Manifest:
    """Packs videos, and says what it could not pack. Shards that an earlier, unfinished call made whole are kept.

    Args:
        dataset: Its name, for the manifest.
        samples: What to pack, in this order.
        folder: Where the shards go.
        missing: Keys of the official lists whose video is not on disk.
        settings: How to encode the videos anew; None packs them as they are.
        jobs: Processes; 1 is this one.
        max_bytes: Bytes of the originals in one shard; see `make_plan`.

    Raises:
        UserError: The folder holds shards of something else, another process packs into it, or it cannot be written.
    """
    plan = make_plan(samples, settings, max_bytes)
    manifest = Manifest(dataset, asdict(settings) if settings else None, digest_of(plan), missing=sorted(set(missing)))
    if not plan:
        raise UserError(f"none of the {len(manifest.missing)} videos of {dataset} is there to be packed.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _check_same(folder, manifest)
            for left in folder.glob(".*.tmp"):
                left.unlink()
            if not (folder / MANIFEST).exists():
                write_manifest(folder, manifest)
            manifest.shards = _pack_all(plan, folder, settings, jobs)
            manifest.finished = True
            write_manifest(folder, manifest)
    except OSError as error:
        raise UserError(
            f"the shards cannot be written to {folder} ({error.strerror or error}); when that is mended, the same "
            "command goes on where it stopped."
        ) from error
    return manifest


def _check_same(folder: Path, wanted: Manifest) -> None:
    """Never mixes two packings in one folder, and never undoes a finished one."""
    if not (folder / MANIFEST).exists():
        if any(folder.glob("*.tar")):
            raise UserError(f"{folder} holds other tar archives; pack into a folder of its own with TO=.")
        return
    there = read_manifest(folder)
    if (there.dataset, there.reencode) != (wanted.dataset, wanted.reencode):
        raise UserError(
            f"{folder} holds {there.dataset}, re-encoded {there.reencode or 'not at all'}; name another with TO=."
        )
    if there.finished and there.digest != wanted.digest:
        raise UserError(
            f"{folder} is finished, but the videos or the list have changed since; remove it or name another with TO=."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder; the system frees it when the process ends, however it ends."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process packs into {folder}; let it finish, or end it first.") from None
        yield


def _pack_all(plan: list[Shard], folder: Path, settings: Reencode | None, jobs: int) -> dict[str, Record]:
    """Records by shard, under a progress bar."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("packing videos", total=sum(len(shard.samples) for shard in plan))
        records = pack_shards(plan, folder, settings, jobs, lambda done: progress.update(task, completed=done))
    return {shard.name: record for shard, record in zip(plan, records, strict=True)}

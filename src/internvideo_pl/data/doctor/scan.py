"""The decode scan: a seeded sample of the files or all of them, each decoded once and for all in the manifest."""

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.doctor import pool
from internvideo_pl.data.doctor.pool import Job
from internvideo_pl.data.location import whole_of
from internvideo_pl.data.manifest import FileRecord, Manifest
from internvideo_pl.video.sources.source import Encoded, open_source

SAVE_EVERY = 30.0  # seconds between two writings of the manifest, so that an interrupted scan is not lost
DECODED = ("sound", "damaged", "unreadable")  # verdicts that hold as long as the file is the same; "stuck" may pass


@dataclass
class Scan:
    """What a scan found.

    Attributes:
        records: By location, of the videos that were chosen; excerpts of one video share its record.
        chosen: Samples that were looked at, by split.
        decoded: Files that had to be decoded for it; of the others the manifest knew.
        seconds: That it took.
    """

    records: dict[str, FileRecord]
    chosen: dict[str, list[Sample]]
    decoded: int
    seconds: float

    def of(self, sample: Sample) -> FileRecord:
        """The record of a chosen sample's video."""
        return self.records[whole_of(sample.path)]


def choose(samples: Mapping[str, Sequence[Sample]], count: int | None, seed: int) -> dict[str, list[Sample]]:
    """A sample of every split, the same number of each as far as they reach; all where `count` is None.

    The choice of a file hangs on the seed and its key alone, so files that come or go change nothing for the others.
    """
    if count is None:
        return {split: list(found) for split, found in samples.items()}
    chosen, left = {}, count
    for number, split in enumerate(sorted(samples, key=lambda split: len(samples[split]))):
        share = left // (len(samples) - number)
        chosen[split] = sorted(samples[split], key=lambda sample: _lot(seed, sample.key))[:share]
        left -= len(chosen[split])
    return {split: chosen[split] for split in samples}


def scan(chosen: dict[str, list[Sample]], manifest: Manifest, processes: int) -> Scan:
    """Decode what is not yet known of the chosen samples, side by side, and keep it in the manifest.

    Args:
        chosen: Samples by split.
        manifest: What is known; grows, and is written again and again.
        processes: How many files are decoded at a time.

    Raises:
        UserError: The manifest cannot be written.
    """
    started = saved = time.monotonic()
    records: dict[str, FileRecord] = {}
    jobs: dict[str, Job] = {}  # by name in the manifest
    for location in {whole_of(sample.path): None for found in chosen.values() for sample in found}:
        record = manifest.known(location)
        if record is not None and record.status in DECODED:
            records[location] = record
        else:
            name = manifest.name(location)
            jobs[name] = Job(location, name, pictures=not isinstance(open_source(location), Encoded))
    with _progress(shown=bool(jobs)) as progress:
        task = progress.add_task("decoding videos", total=len(jobs))
        try:
            for record in pool.inspect_all(jobs.values(), processes):
                records[jobs[record.path].location] = record
                manifest.add([record])
                progress.advance(task)
                if time.monotonic() - saved > SAVE_EVERY:
                    manifest.save()
                    saved = time.monotonic()
        finally:
            if jobs:
                manifest.save()
    return Scan(dict(sorted(records.items())), chosen, len(jobs), time.monotonic() - started)


def _lot(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed} {key}".encode(errors="surrogateescape"), digest_size=8).digest()


def _progress(shown: bool) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not (shown and sys.stderr.isatty()))

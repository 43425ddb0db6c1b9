"""How fast this machine reads the experiment's clips: its own loader, timed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, repeat

from internvideo_pl.data.doctor.check import Check, counted
from internvideo_pl.data.doctor.lists import Lists
from internvideo_pl.data.doctor.scan import Scan
from internvideo_pl.data.doctor.sizes import gigabytes
from internvideo_pl.data.location import whole_of
from internvideo_pl.data.module import Split, VideoData


@dataclass(frozen=True)
class Rate:
    """What a loader delivered.

    Attributes:
        clips: Clips a second, all workers together.
        batches: Batches a second.
        batch: Bytes of one batch of pixels.
    """

    clips: float
    batches: float
    batch: int


def measure(data: VideoData, split: str, scan: Scan, seconds: float) -> Rate | None:
    """Time the experiment's own loader, with its workers, on the files that the scan found sound; None without such.

    The files were read a moment ago, so it is decoding that is timed, not the disk; nothing is kept decoded.

    Args:
        data: The dataset.
        split: "train" or "test".
        scan: Of it.
        seconds: How long to go on.
    """
    sound = [sample for sample in scan.chosen.get(split, ()) if scan.of(sample).status == "sound"]
    if not sound:
        return None
    trial = type(data)(replace(data.config, cache_gb=0.0), data.root, data.seed)
    trial.splits = {"train": Split(sound), "test": Split(sound)}
    loader = trial.train_dataloader() if split == "train" else trial.test_dataloader()
    started = time.monotonic()
    arrivals, clips, size = [], [], 0
    for batch in chain.from_iterable(repeat(loader)):
        arrivals.append(time.monotonic())
        clips.append(len(batch))
        size = max(size, batch.video.nbytes)
        if arrivals[-1] - started > seconds:
            break
    if len(clips) > 2:  # leave out the start of the workers
        clips, started = clips[1:], arrivals[0]
    passed = arrivals[-1] - started
    return Rate(sum(clips) / passed, len(clips) / passed, size)


def check_reading(lists: Lists, split: str, rate: Rate | None, sizes: Mapping[str, int]) -> Check:
    """Clips a second, what they cost in files and pixels, and what an epoch reads."""
    found, config = lists.splits[split], lists.data.config
    wholes = {whole_of(sample.path) for sample in found.samples}  # of which several samples may be excerpts
    epoch = sum(sizes.get(location, 0) for location in wholes)
    reads = f"{'an epoch' if split == 'train' else 'the test'} reads {counted(len(found.samples), 'video')}"
    reads += f", {gigabytes(epoch)}"
    if rate is None:
        return Check("reading", "warning", f"{reads}; no sound file to time the loader on")
    videos = (
        rate.batches * config.batch_size if split == "train" else rate.clips / (config.test_views * config.test_crops)
    )
    workers = f"{counted(config.num_workers, 'worker')}" if config.num_workers else "no workers"
    sentence = (
        f"{rate.clips:,.1f} clips/s with {workers}: at most {rate.batches:,.2f} batches/s, "
        f"{gigabytes(videos * epoch / max(len(found.samples), 1))}/s of files, "
        f"{gigabytes(rate.batches * rate.batch)}/s of pixels; {reads}"
    )
    kept = f"; up to {config.cache_gb:g} GiB of it are kept decoded after the first time" if config.cache_gb else ""
    return Check("reading", "ok", sentence + kept)

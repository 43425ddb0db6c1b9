"""How large files are, asked of the file system alone."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.doctor.check import Check, counted
from internvideo_pl.data.doctor.lists import Lists
from internvideo_pl.data.location import stamp_of, whole_of
from internvideo_pl.video.sources.remote import is_url

THREADS = 16  # questions at a time: a network drive answers each in milliseconds, but many at once


def sizes_of(samples: Iterable[Sample]) -> dict[str, int]:
    """Bytes of every whole video, by location; those that are gone or behind a URL are left out."""
    locations = list({whole_of(sample.path): None for sample in samples if not is_url(sample.path)})
    with ThreadPoolExecutor(THREADS) as threads:
        stamps = list(threads.map(stamp_of, locations))
    return {location: stamp[0] for location, stamp in zip(locations, stamps, strict=True) if stamp is not None}


def check_sizes(lists: Lists, sizes: dict[str, int]) -> Check:
    """Bytes of all videos that the experiment reads, and those that are empty, found without opening any."""
    empty = [location for location, size in sizes.items() if size == 0]
    sentence = f"{counted(len(sizes), 'file')}, {gigabytes(sum(sizes.values()))}"
    if not empty:
        return Check("sizes", "ok", sentence)
    return Check("sizes", "warning", f"{sentence}, {len(empty):,} of them empty", empty, "get the empty ones anew")


def gigabytes(size: float) -> str:
    """Bytes in words, decimal units: "3.1 GB", "12 MB"."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"

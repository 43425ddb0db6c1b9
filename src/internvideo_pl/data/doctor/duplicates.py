"""Videos with the same contents: copies within a split waste time, copies across train and test are leakage.

Sizes are compared first, then three short pieces, then hashes of the whole; contents that a scan has hashed are not
read again. Videos that show the same but were encoded anew are not found this way.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.doctor.check import Check, counted
from internvideo_pl.data.doctor.contents import digest_of, pieces_of
from internvideo_pl.data.doctor.sizes import THREADS
from internvideo_pl.data.location import stamp_of, whole_of
from internvideo_pl.data.manifest import FileRecord, Manifest
from internvideo_pl.video.faults import DecodeError

# Videos of equal size that are compared without being asked to: a minute on a slow network drive, three reads each.
UNASKED = 20_000


def find_duplicates(sizes: Mapping[str, int], manifest: Manifest, full: bool) -> tuple[list[list[str]], int]:
    """Groups of videos with the same contents.

    Args:
        sizes: Bytes of each video, by location; empty ones and those that give no frame are not compared.
        manifest: Knows the contents of what was scanned; learns those that have to be hashed.
        full: Whether all are compared, however many; otherwise, past `UNASKED`, those as large as a scanned one.

    Returns:
        The groups of locations, and how many videos were compared.
    """
    useless = manifest.hopeless(sizes)
    groups = _grouped((location for location in sizes if location not in useless), sizes.__getitem__)
    known = {location: _known_digest(manifest, location) for group in groups for location in group}
    if not full and len(known) > UNASKED:
        groups = [group for group in groups if any(known[location] for location in group)]
    hashed = [group for group in groups if all(known[location] for location in group)]
    others = [group for group in groups if not all(known[location] for location in group)]
    with ThreadPoolExecutor(THREADS) as threads:
        names = [location for group in others for location in group]
        pieces = dict(zip(names, threads.map(lambda name: _pieces(name, sizes[name]), names), strict=True))
        alike = [part for group in others for part in _grouped(group, pieces.__getitem__)]
        unread = [location for group in alike for location in group if not known[location]]
        manifest.add(record for record in threads.map(lambda name: _hash(manifest, name), unread) if record)
    same = [part for group in hashed + alike for part in _grouped(group, lambda name: _known_digest(manifest, name))]
    return same, sum(map(len, groups))


def check_duplicates(
    samples: Mapping[str, Sequence[Sample]], groups: Sequence[Sequence[str]], compared: int, manifest: Manifest
) -> list[Check]:
    """One line for copies, and one for those of them that stand in the training list and in the test list.

    Args:
        samples: What the experiment reads, by split.
        groups: As `find_duplicates` returns them.
        compared: Likewise.
        manifest: Names the videos.
    """
    within = {whole_of(sample.path): split for split in reversed(list(samples)) for sample in samples[split]}
    leaks = [group for group in groups if {within[location] for location in group} >= {"train", "test"}]
    copies = [group for group in groups if group not in leaks]

    def lines(chosen: Iterable[Sequence[str]]) -> list[str]:
        return [" = ".join(f"{manifest.name(name)} ({within[name]})" for name in sorted(group)) for group in chosen]

    checks = []
    if leaks:
        sentence = f"{counted(len(leaks), 'video')} both in the training files and in the test files"
        checks.append(Check("leakage", "warning", sentence, lines(leaks), "take the copies out of the training list"))
    if copies:
        sentence = f"{counted(len(copies), 'video')} in several copies"
        checks.append(Check("duplicates", "warning", sentence, lines(copies), "copies are read more often than others"))
    if not groups:
        alike = f"of {counted(compared, 'file')} of equal size " if compared else ""
        checks.append(Check("duplicates", "ok", f"{alike}none is a copy of another"))
    return checks


def _grouped(names: Iterable[str], key: Callable[[str], Hashable]) -> list[list[str]]:
    """Names with the same key, where there are several; those without a key belong to none."""
    groups: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return [group for value, group in groups.items() if value and len(group) > 1]


def _known_digest(manifest: Manifest, location: str) -> str:
    record = manifest.known(location)
    return record.digest if record is not None else ""


def _pieces(location: str, size: int) -> bytes:
    """A hash of three pieces; empty where they cannot be read, which a scan reports."""
    try:
        return pieces_of(location, size)
    except (OSError, DecodeError):
        return b""


def _hash(manifest: Manifest, location: str) -> FileRecord | None:
    stamp = stamp_of(location)
    try:
        digest = digest_of(location)
    except (OSError, DecodeError):
        return None
    return FileRecord(manifest.name(location), *stamp, status="hashed", digest=digest) if stamp else None

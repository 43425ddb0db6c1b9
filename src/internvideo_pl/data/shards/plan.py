"""Which video goes into which shard: decided before anything is packed, from names, sizes and times alone."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.progress import track

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.shards.reencode import Reencode
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.remote import is_url
from internvideo_pl.video.sources.tar import TarMember, is_member
from internvideo_pl.video.sources.tar_index import tar_index

# A shard holds at most a gigabyte of originals, and less where there would be fewer than 64 shards to work on side by
# side, but not so little that a folder is full of crumbs.
MOST_BYTES, LEAST_BYTES, AT_ONCE = 1_000_000_000, 64_000_000, 64
VERSION = 1  # raise it whenever the same plan would give other shards
URL_BYTES = 2_000_000  # taken for the size of what lies behind a URL: about ten seconds of H.264


Stamped = tuple[Sample, tuple[int, int]]  # with its original's size in bytes and time of change in ns


@dataclass(frozen=True)
class Shard:
    """One archive to be.

    Attributes:
        name: Its file name.
        samples: In this order.
        digest: Changes with anything that its bytes depend on: keys, labels, texts, originals, settings.
    """

    name: str
    samples: tuple[Sample, ...]
    digest: str


def make_plan(samples: Iterable[Sample], settings: Reencode | None, max_bytes: int | None = None) -> list[Shard]:
    """Deals samples out in their order; a shard is full when the next original would exceed its bytes.

    A key that comes again (a video that two lists name) is packed once.

    Args:
        samples: What to pack.
        settings: How the videos are encoded anew.
        max_bytes: Of the originals in one shard; by default as the size of all suggests.

    Raises:
        UserError: One key stands for two different videos.
    """
    once = track(list(_unique(samples)), "looking at the videos", console=Console(stderr=True), transient=True)
    stamped = [(sample, _stamp(sample.path)) for sample in once]
    if max_bytes is None:
        share = sum(size for _, (size, _) in stamped) // AT_ONCE
        max_bytes = max(LEAST_BYTES, min(MOST_BYTES, share))
    groups: list[list[Stamped]] = []
    room = 0
    for sample, stamp in stamped:
        if not groups or stamp[0] > room:
            groups.append([])
            room = max_bytes
        groups[-1].append((sample, stamp))
        room -= stamp[0]
    return [_shard(number, group, settings) for number, group in enumerate(groups)]


def digest_of(plan: list[Shard]) -> str:
    """Of a whole plan."""
    return hashlib.sha256("".join(shard.digest for shard in plan).encode()).hexdigest()


def _unique(samples: Iterable[Sample]) -> Iterator[Sample]:
    where: dict[str, str] = {}
    for sample in samples:
        if sample.key not in where:
            where[sample.key] = sample.path
            yield sample
        elif where[sample.key] != sample.path:
            raise UserError(f"key {sample.key} names two videos, {where[sample.key]} and {sample.path}.")


def _shard(number: int, group: list[Stamped], settings: Reencode | None) -> Shard:
    told = [VERSION, asdict(settings) if settings else None, [[asdict(sample), stamp] for sample, stamp in group]]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return Shard(f"shard-{number:05d}.tar", tuple(sample for sample, _ in group), digest)


def _stamp(path: str) -> tuple[int, int]:
    """Size in bytes and time of change in ns of an original; zeros where it cannot be looked at."""
    if is_url(path):
        return URL_BYTES, 0
    try:
        if is_member(path):
            member = TarMember.at(path)
            place = tar_index(member.tar).find(member.member)
            return (place[1], os.stat(member.tar).st_mtime_ns) if place else (0, 0)
        if os.path.isdir(path):
            entries = [entry.stat() for entry in os.scandir(path)]
            return sum(entry.st_size for entry in entries), max((entry.st_mtime_ns for entry in entries), default=0)
        status = os.stat(path)
    except (OSError, DecodeError):
        return 0, 0  # the packing itself will say what is wrong
    return status.st_size, status.st_mtime_ns

"""Where each member of a tar archive lies, so that any of them is one read away.

The index is made by one walk over the headers and written beside the archive, so that other processes and later runs
need not walk again. It is believed while the archive's size and time of change stay as they were and its own checksum
holds; else the headers are walked again.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.remote import content_key, is_url, open_bytes
from internvideo_pl.whole_file import write_whole

ENDING = ".index.json"  # after the archive's own name
CACHED = 256  # indices kept per process: some 100 KB for a shard of a thousand samples

Member = tuple[str, int, int]  # name, offset in the archive and size in bytes
Stamp = tuple[int, int | None]  # an archive's size in bytes, its time of change in ns (None behind a URL)


@dataclass(frozen=True, eq=False)
class TarIndex:
    """Where the members of one archive lie; arrays, since a process keeps hundreds of them.

    Attributes:
        names: bytes (N,), UTF-8, ascending.
        offsets: int64 (N,), of a member's first byte in the archive.
        sizes: int64 (N,), bytes.
    """

    names: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray

    def members(self) -> list[str]:
        """Names of all members, ascending."""
        return [name.decode() for name in self.names.tolist()]

    def find(self, member: str) -> tuple[int, int] | None:
        """(offset, size) of a member in bytes; None where there is none of that name."""
        name = member.encode()
        at = int(np.searchsorted(self.names, name))
        if at == len(self.names) or self.names[at] != name:
            return None
        return int(self.offsets[at]), int(self.sizes[at])


def tar_index(tar: str) -> TarIndex:
    """The index of an archive: from this process's cache, from beside the archive, or by walking over its headers.

    Raises:
        DecodeError: The archive is missing, cut short or compressed, or holds what a shard must not.
        OSError: It cannot be opened.
    """
    return _index(tar, content_key(tar))


def write_index(tar: str) -> None:
    """Walks over the headers of a local archive and writes the index beside it.

    Raises:
        DecodeError: As `tar_index`.
        OSError: It cannot be written.
    """
    with open_bytes(tar) as file:
        _write(tar, _walk(tar, file), _stamp(tar, file))


@lru_cache(maxsize=CACHED)
def _index(tar: str, _: Hashable) -> TarIndex:
    with open_bytes(tar) as file:
        stamp = _stamp(tar, file)
        members = _read(tar, stamp)
        if members is None:
            members = _walk(tar, file)
            if not is_url(tar):
                with suppress(OSError):  # shards may lie where nobody may write; each process then walks for itself
                    _write(tar, members, stamp)
    members.sort(key=lambda member: member[0].encode())
    names, offsets, sizes = ([member[part] for member in members] for part in range(3))
    return TarIndex(
        np.array([str(name).encode() for name in names], dtype=bytes),
        np.array(offsets, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
    )


def _stamp(tar: str, file: BinaryIO) -> Stamp:
    size = file.seek(0, os.SEEK_END)
    return size, None if is_url(tar) else os.fstat(file.fileno()).st_mtime_ns


def _walk(tar: str, file: BinaryIO) -> list[Member]:
    """Reads every header of an archive.

    Raises:
        DecodeError: It is damaged, or holds what a shard must not.
    """
    file.seek(0)
    found: dict[str, Member] = {}
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    continue
                fault = "is there twice" if member.name in found else _fault(member)
                if fault:
                    raise DecodeError(tar, f"member {member.name!r} {fault}")
                found[member.name] = (member.name, member.offset_data, member.size)
            end = archive.offset
    except tarfile.TarError as error:
        raise DecodeError(tar, f"is no whole, uncompressed tar archive: {error}") from error
    file.seek(end)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # `tarfile` takes any bad header for the end
        raise DecodeError(tar, f"is cut short or damaged at byte {end}")
    return list(found.values())


def _fault(member: tarfile.TarInfo) -> str:
    """Why a member must not be in a shard; empty when it may."""
    if not member.isreg() or member.issparse():
        return "is no plain file, but a link, a device or sparse"
    if member.name.startswith("/") or ".." in PurePosixPath(member.name).parts or not member.name.isprintable():
        return "has a name that leads out of the archive or holds unprintable characters"
    return ""


def _read(tar: str, stamp: Stamp) -> list[Member] | None:
    """The index beside an archive; None where there is none that can be believed."""
    with suppress(OSError, DecodeError, ValueError, KeyError, TypeError):
        with open_bytes(tar + ENDING) as file:
            kept = json.load(file)
        same = kept["size"] == stamp[0] and stamp[1] in (None, kept["changed"])
        if same and kept["sha256"] == _checksum(kept["members"]):
            return [(str(name), int(offset), int(size)) for name, offset, size in kept["members"]]
    return None


def _write(tar: str, members: list[Member], stamp: Stamp) -> None:
    """Writes an index beside its archive; it appears whole or not at all."""
    kept = {"size": stamp[0], "changed": stamp[1], "sha256": _checksum(members), "members": members}
    write_whole(Path(tar + ENDING), json.dumps(kept))


def _checksum(members: list[Member]) -> str:
    return hashlib.sha256(json.dumps(members).encode()).hexdigest()

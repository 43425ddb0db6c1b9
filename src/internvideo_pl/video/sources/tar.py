"""A video as a member of a tar shard, read in place; nothing is ever extracted."""

import io
import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.remote import content_key, open_bytes
from internvideo_pl.video.sources.tar_index import tar_index

SHARD, MARK = ".tar", ".tar#"  # what a shard's name ends with; that and what sets it apart from a member's name


@dataclass(frozen=True)
class TarMember:
    """One file of a tar archive; a `VideoSource`.

    Attributes:
        tar: The archive, a path or a URL.
        member: The file's name in it.
    """

    tar: str
    member: str

    @classmethod
    def at(cls, location: str) -> "TarMember":
        """The member at a location `<archive>.tar#<member>`."""
        tar, _, member = location.partition(MARK)
        return cls(tar + SHARD, member)

    @property
    def name(self) -> str:
        """Its location."""
        return member_location(self.tar, self.member)

    @property
    def key(self) -> Hashable:
        """Tells contents apart: what does so for the archive, and the member's name.

        Raises:
            DecodeError: There is no such archive.
        """
        with self._blamed():
            return content_key(self.tar), self.member

    def open(self) -> BinaryIO:
        """The member's bytes, seekable.

        Raises:
            DecodeError: The archive cannot be read, or has no such member.
        """
        with self._blamed():
            place = tar_index(self.tar).find(self.member)
            if place is None:
                raise DecodeError(self.name, "the archive has no such member")
            return cast(BinaryIO, Window(open_bytes(self.tar), *place, self.member))

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Puts this video's name on what is wrong with its archive, so that a ledger counts the video."""
        try:
            yield
        except DecodeError as error:
            raise DecodeError(self.name, error.reason) from error
        except OSError as error:
            raise DecodeError(self.name, (error.strerror or "cannot be read").lower()) from error


class Window(io.RawIOBase):
    """A stretch of a file as a file of its own; closing it closes the whole."""

    def __init__(self, file: BinaryIO, start: int, size: int, name: str) -> None:
        self.name = name  # its ending helps FFmpeg to guess the format
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Position in the stretch."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Sets the position in the stretch."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes, all that are left by default; none at the end."""
        left = max(self._size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        self._at += len(data)
        return data

    def close(self) -> None:
        """Closes the whole file."""
        self._file.close()
        super().close()


def is_member(location: str) -> bool:
    """Whether a location names a member of a tar archive."""
    return MARK in location


def member_location(tar: str | os.PathLike, member: str) -> str:
    """The location of a member."""
    return f"{os.fspath(tar)}#{member}"

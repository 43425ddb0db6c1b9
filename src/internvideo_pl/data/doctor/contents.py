"""The bytes of a video, whatever holds it: to tell contents apart, whole or by three short pieces.

PyTorch is not imported for plain files and folders of pictures, so that a process that reads those starts at once.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO

from internvideo_pl.data.location import video_at

CHUNK = 2**20  # bytes read at once
PIECE = 4096  # bytes of each of the three pieces: a page


def digest_of(location: str, alive: Callable[[], None] = lambda: None) -> str:
    """BLAKE2b of all bytes of a video, 16 bytes in hexadecimal.

    Args:
        location: A file, a folder of pictures, a member of a shard, a URL.
        alive: Called between any two reads.

    Raises:
        OSError: They cannot be read.
        DecodeError: Likewise, of what lies in something else.
    """
    total = hashlib.blake2b(digest_size=16)
    for chunk in _chunks(location):
        total.update(chunk)
        alive()
    return total.hexdigest()


def pieces_of(location: str, size: int) -> bytes:
    """A hash of the first, middle and last bytes, or of the first, middle and last picture.

    Args:
        location: As for `digest_of`.
        size: Of the file in bytes.

    Raises:
        OSError: They cannot be read.
        DecodeError: Likewise, of what lies in something else.
    """
    total = hashlib.blake2b(digest_size=16)
    if os.path.isdir(location):
        files = _files(location)
        for path in files[:: max(len(files) // 2, 1)]:
            total.update(path.encode(errors="surrogateescape")[len(location) :])
            for chunk in _chunks(path):
                total.update(chunk)
        return total.digest()
    with _open(location) as file:
        for place in (0, size // 2, max(size - PIECE, 0)):
            file.seek(place)
            total.update(file.read(PIECE))
    return total.digest()


def _chunks(location: str) -> Iterator[bytes]:
    if os.path.isdir(location):
        for path in _files(location):
            yield from _chunks(path)
        return
    with _open(location) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _files(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if not name.startswith(".")]


def _open(location: str) -> BinaryIO:
    video = video_at(location)
    if not isinstance(video, str | os.PathLike):
        return video.open()
    if not stat.S_ISREG(os.stat(video).st_mode):  # opening a pipe would wait for ever
        raise OSError(errno.EINVAL, "is not a regular file")
    return open(video, "rb")

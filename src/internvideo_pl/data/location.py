"""Where the bytes of a video lie, and whether they are still the same.

PyTorch is not imported for plain files and folders of pictures, so that a process that reads those starts at once.
"""

import hashlib
import os
import stat

from internvideo_pl.video.container import Video
from internvideo_pl.video.faults import DecodeError


def whole_of(location: str) -> str:
    """Where the video lies of which an excerpt is at this location; the location itself where it is no excerpt."""
    if "#t=" not in location:
        return location
    from internvideo_pl.video.sources.excerpt import FRAGMENT  # brings PyTorch, as do the two below

    match = FRAGMENT.fullmatch(location)
    return match["whole"] if match else location


def video_at(location: str) -> Video:
    """What holds the bytes at a location: the path itself for a file, a source for what lies in something else."""
    if os.path.lexists(location):
        return location
    from internvideo_pl.video.sources.remote import RemoteFile, is_url
    from internvideo_pl.video.sources.tar import TarMember, is_member

    if is_member(location):
        return TarMember.at(location)
    return RemoteFile(location) if is_url(location) else location


def stamp_of(location: str) -> tuple[int, int] | None:
    """Size and time of the last change, as in `FileRecord`; None where there is no such video.

    A folder of pictures has the size of all and the time of its own last change.
    """
    try:
        status = os.stat(location)
        if not stat.S_ISDIR(status.st_mode):
            return status.st_size, status.st_mtime_ns
        with os.scandir(location) as entries:
            return sum(entry.stat().st_size for entry in entries if entry.is_file()), status.st_mtime_ns
    except OSError:
        return _stamp_inside(location)


def _stamp_inside(location: str) -> tuple[int, int] | None:
    """The stamp of a video that is no file of its own: a member of a shard, an object behind a URL."""
    video = video_at(location)
    if isinstance(video, str | os.PathLike):
        return None
    try:
        key = hashlib.blake2b(repr(video.key).encode(errors="surrogateescape"), digest_size=8).digest()
        if "://" in location:
            return 0, int.from_bytes(key, signed=True)
        with video.open() as file:
            return file.seek(0, os.SEEK_END), int.from_bytes(key, signed=True)
    except (DecodeError, OSError):
        return None

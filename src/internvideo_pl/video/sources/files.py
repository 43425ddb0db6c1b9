"""What of a folder is a video: files, folders of pictures, members of tar shards; or a list of locations."""

import os
from collections.abc import Iterator
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.pictures import FRAME_NAME
from internvideo_pl.video.sources.remote import is_url
from internvideo_pl.video.sources.tar import SHARD, member_location
from internvideo_pl.video.sources.tar_index import tar_index

# Endings of files that FFmpeg reads as video and that the paper's data sets or people's own folders hold.
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".ts"}
)


def find_videos(folder: str | os.PathLike) -> list[Path]:
    """Every video file below a folder, known by its ending, sorted by path; hidden files and folders are left out.

    Raises:
        UserError: the folder is missing, is none, or holds no such file.
    """
    videos = [Path(where, name) for where, names in _walk(folder) for name in names if is_video(name)]
    if not videos:
        raise UserError(f"No video lies in {str(folder)!r}; files ending in {_endings()} count as videos.")
    return sorted(videos)


def find_sources(folder: str | os.PathLike) -> list[str]:
    """The location of every video below a folder, sorted; hidden files and folders are left out.

    Videos are files with a video's ending, members with such an ending of tar archives, and folders that hold numbered
    pictures and no video file.

    Raises:
        UserError: The folder is missing, is none, or holds no video; or an archive in it cannot be read.
    """
    found: list[str] = []
    for where, names in _walk(folder):
        videos = [os.path.join(where, name) for name in names if is_video(name)]
        found += videos
        for name in names:
            if name.endswith(SHARD):
                found += shard_videos(os.path.join(where, name))
        if not videos and any(FRAME_NAME.fullmatch(name) for name in names):
            found.append(where)
    if not found:
        raise UserError(
            f"No video lies in {str(folder)!r}; files ending in {_endings()}, folders of numbered pictures "
            "(00001.jpg) and tar archives of videos count."
        )
    return sorted(found)


def shard_videos(tar: str) -> list[str]:
    """The locations of an archive's videos, sorted by name.

    Raises:
        UserError: It cannot be read.
    """
    try:
        return [member_location(tar, name) for name in tar_index(tar).members() if is_video(name)]
    except (DecodeError, OSError) as error:
        raise UserError(f"{tar} cannot be read as a tar shard: {error}") from error


def read_list(path: str | os.PathLike) -> list[str]:
    """Locations from a text file, one a line; relative paths count from the file's folder, `#` begins a comment line.

    Raises:
        UserError: The file cannot be read or names nothing.
    """
    path = Path(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The list {path} cannot be read: {error}") from error
    named = [line for line in lines if line and not line.startswith("#")]
    if not named:
        raise UserError(f"The list {path} names no video; write one location a line.")
    return [line if is_url(line) else os.path.join(path.parent, line) for line in named]


def is_video(name: str) -> bool:
    """Whether a file's ending is that of a video."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES


def _walk(folder: str | os.PathLike) -> Iterator[tuple[str, list[str]]]:
    """(folder, names of its files) of a folder and all below it, without what is hidden."""
    if not os.path.exists(folder):
        raise UserError(f"There is no folder {str(folder)!r}; name one that holds videos.")
    if not os.path.isdir(folder):
        raise UserError(f"{str(folder)!r} is a file; name the folder that holds it.")
    for where, folders, names in os.walk(os.fspath(folder), followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield where, [name for name in names if not name.startswith(".")]


def _endings() -> str:
    return ", ".join(sorted(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES))

"""Where videos come from."""

import os
from pathlib import Path

from internvideo_pl.errors import UserError

# Endings of files that FFmpeg reads as video and that the paper's data sets or people's own folders hold.
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".ts"}
)


def find_videos(folder: str | os.PathLike) -> list[Path]:
    """Every video file below a folder, known by its ending, sorted by path; hidden files and folders are left out.

    Raises:
        UserError: the folder is missing, is none, or holds no such file.
    """
    root = Path(folder)
    if not root.exists():
        raise UserError(f"There is no folder {str(folder)!r}; name one that holds videos.")
    if not root.is_dir():
        raise UserError(f"{str(folder)!r} is a file; name the folder that holds it.")
    videos: list[Path] = []
    for where, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        videos += [Path(where, n) for n in names if Path(n).suffix.lower() in VIDEO_SUFFIXES and not n.startswith(".")]
    if not videos:
        endings = ", ".join(sorted(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES))
        raise UserError(f"No video lies in {str(folder)!r}; files ending in {endings} count as videos.")
    return sorted(videos)

"""Video files of untrimmed datasets, found by official id wherever a copy keeps them."""

import os
from collections.abc import Sequence
from pathlib import Path

SUFFIXES = {".mp4", ".mkv", ".webm", ".avi"}
YOUTUBE = 11  # characters of an id; file names have "v_" in front of it


def find_videos(root: Path, folders: Sequence[str] = (".",)) -> dict[str, str]:
    """Every video below the named folders that are there, at any depth, by its file's name without the suffix.

    Args:
        root: The dataset's folder.
        folders: Where to look; all of `root` when none of them is there.

    Returns:
        Path by id: a `v_` in front of a YouTube id is taken off.
    """
    places = [root / name for name in folders if (root / name).is_dir()] or [root]
    found: dict[str, str] = {}
    for place in places:
        for parent, children, names in os.walk(place):
            children.sort()
            for name in sorted(names):
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in SUFFIXES:
                    found.setdefault(identity(stem), os.path.join(parent, name))
    return found


def identity(stem: str) -> str:
    """The official id in a file's name: "v_" and eleven characters are a YouTube id."""
    return stem[2:] if stem.startswith("v_") and len(stem) == YOUTUBE + 2 else stem

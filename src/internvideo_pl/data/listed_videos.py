"""Videos as official files name them: the files found, lists of names read, and where each video is on disk."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.official import plain, read_json
from internvideo_pl.errors import UserError

VIDEO_ENDINGS = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v")


def find_file(root: Path, name: str, folders: Sequence[str] = (".",)) -> Path | None:
    """A file in the first of some folders below a dataset's that has it."""
    return next((path for folder in folders if (path := root / folder / name).is_file()), None)


def require_file(root: Path, name: str, facts: DatasetFacts, folders: Sequence[str] = (".",)) -> Path:
    """The same.

    Raises:
        UserError: It is not there; source, terms and layout are named.
    """
    path = find_file(root, name, folders)
    if path is None:
        raise facts.absent(root, name)
    return path


def read_entries(path: Path, kind: type) -> Any:
    """The content of a JSON file whose outermost value is of a kind, dict or list.

    Raises:
        UserError: It is not JSON, or another value.
    """
    content = read_json(path)
    if not isinstance(content, kind):
        wanted = "an object" if kind is dict else "a list"
        raise UserError(f"{path} holds {type(content).__name__} where {wanted} belongs; get the official file anew")
    return content


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of every line that is not blank.

    Only line feeds end a line, so that a carriage return or a Unicode separator inside a sentence does not. What is not
    UTF-8 comes as surrogates, for `captions` to name.
    """
    with path.open(newline="\n", encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, line in enumerate(file, start=1):
            text = line.rstrip("\r\n")
            if text.strip():
                yield number, text


def read_names(path: Path) -> dict[str, int]:
    """Names of a list, one a line, with the lines that they stand in.

    Raises:
        UserError: A name stands there twice, or is no name of a file.
    """
    names: dict[str, int] = {}
    for number, line in read_lines(path):
        name = line.strip()
        if name in names:
            raise UserError(f"{path}, line {number}: {name} stands in line {names[name]} already; get the list anew")
        check_name(name, f"{path}, line {number}")
        names[name] = number
    return names


def check_name(name: Any, where: str) -> str:
    """An official id, which becomes part of a path.

    Raises:
        UserError: It is no text, or would lead out of its folder.
    """
    if not isinstance(name, str) or not plain(name):
        raise UserError(f"{where}: {name!r} is no name of a video; get the official file anew")
    return name


class VideoFiles:
    """Where a dataset's videos are, by name; a folder is listed once, so that a hundred thousand names are quick.

    Args:
        root: The dataset's folder.
        folders: Where videos may lie below it, the likeliest first.
        endings: Endings that a file may have beside its official name.
    """

    def __init__(self, root: Path, folders: Sequence[str], endings: Sequence[str] = VIDEO_ENDINGS):
        self.folders = [os.path.join(root, folder) if folder != "." else str(root) for folder in folders]
        self.endings = endings
        self._names: dict[str, frozenset[str]] = {}

    def find(self, name: str, within: str = "") -> str | None:
        """The file of a name, with one of the endings; None where there is none.

        Args:
            name: Without an ending.
            within: A folder below each of the folders, such as a film's.
        """
        return self._first([name + ending for ending in self.endings], within)

    def exact(self, name: str) -> str | None:
        """The file of exactly this name."""
        return self._first([name], "")

    def _first(self, names: Sequence[str], within: str) -> str | None:
        for folder in self.folders:
            place = os.path.join(folder, within) if within else folder
            if place not in self._names:
                self._names[place] = frozenset(os.listdir(place)) if os.path.isdir(place) else frozenset()
            for name in names:
                if name in self._names[place]:
                    return os.path.join(place, name)
        return None


Shards = Mapping[str, str]  # where packed videos are, by key

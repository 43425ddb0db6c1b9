"""Official lists read with care: what is wrong with one is said with its file and line."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.errors import UserError

_AGAIN = "get the official file anew or mend the line"


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number that float64 can hold, as whole numbers of any length may not be."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def wrong_line(path: Path, line: int, what: str) -> UserError:
    """The error for a line, counted from 1, of an official file."""
    return UserError(f"{path}, line {line}: {what}; {_AGAIN}")


def read_text(path: Path) -> str:
    """The whole text of a file, a byte order mark left out.

    Raises:
        UserError: The file cannot be read, or a byte of it is not UTF-8; the line is named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): see to it that it is a readable file") from error
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, place = raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start)
        raise wrong_line(path, line, f"byte {place} is not UTF-8 ({raw[error.start]:#04x})") from error


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text with their numbers from 1, without line ends of any system; blank ones are left out.

    Raises:
        UserError: As `read_text`.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    return [(number, line.rstrip("\r")) for number, line in lines if line.strip()]


def numbered_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The rows of a table of comma-separated values, with the line on which each ends.

    Raises:
        UserError: A line is not UTF-8, or a quotation does not end.
    """
    lines = numbered_lines(path)
    reader = csv.reader((text + "\n" for _, text in lines), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield lines[reader.line_num - 1][0], row
    except csv.Error as error:
        raise wrong_line(path, lines[max(reader.line_num, 1) - 1][0], f"not a row ({error})") from error


def read_json(path: Path, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The content of a JSON file.

    Args:
        path: The file.
        pairs: Makes a value of an object's keys and values; None for a dict.

    Raises:
        UserError: It is not UTF-8, not JSON, or nested beyond reason; the line is named.
    """
    try:
        return json.loads(read_text(path), object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise wrong_line(path, error.lineno, f"not JSON ({error.msg})") from error
    except RecursionError as error:
        raise UserError(f"{path} cannot be read as JSON ({error}): get the official file anew") from error


def plain(listed: str, depth: int = 1) -> bool:
    """Whether a listed path is of `depth` plain names, so that behind a folder it stays in it, on any system.

    Args:
        listed: What a list says, with "/" between names.
        depth: How many names there are.
    """
    names = listed.split("/")
    drive = any(PureWindowsPath(name).drive for name in names)
    return len(names) == depth and not {"", ".", ".."} & set(names) and not drive and not {"\\", "\0"} & set(listed)


class Once:
    """Refuses the second entry of a key in a list.

    Args:
        path: The list.
        unit: What its entries are counted in: "line" or "record".
    """

    def __init__(self, path: Path, unit: str = "line") -> None:
        self.path = path
        self.unit = unit
        self.places: dict[str, int] = {}

    def add(self, key: str, place: int) -> None:
        """Notes a key at a line or record.

        Raises:
            UserError: It was there before.
        """
        first = self.places.setdefault(key, place)
        if first != place:
            before = f"{self.unit} {first}"
            raise UserError(f"{self.path}, {self.unit} {place}: {key!r} is in {before} already; take one of them out")


def find_file(root: Path, *places: str) -> Path | None:
    """The first of several places below a dataset's folder at which there is a file."""
    return next((path for path in (root / place for place in places) if path.is_file()), None)


def official_file(root: Path, facts: DatasetFacts, names: Sequence[str], folders: Sequence[str] = (".",)) -> Path:
    """The list that has one of some names, in one of some folders below a dataset's.

    Raises:
        UserError: It is not there; source, terms and layout are named.
    """
    path = find_file(root, *(f"{folder}/{name}" for name in names for folder in folders))
    if path is None:
        raise facts.absent(root, " or ".join(names))
    return path


def read_keys(path: Path) -> frozenset[str]:
    """Official ids of a file: one a line, or the keys or items of a JSON file.

    Raises:
        UserError: It cannot be read, or holds something else.
    """
    if path.suffix != ".json":
        return frozenset(line.strip() for _, line in numbered_lines(path))
    content = read_json(path)
    if not isinstance(content, list | dict) or not all(isinstance(key, str) for key in content):
        raise UserError(f"{path} must hold a list of video ids, or an object whose keys they are")
    return frozenset(content)

"""Official lists read with care: what is wrong with one is said with its file and line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from internvideo_pl.errors import UserError

_AGAIN = "get the official file anew or mend the line"


def wrong_line(path: Path, line: int, what: str) -> UserError:
    """The error for a line, counted from 1, of an official file."""
    return UserError(f"{path}, line {line}: {what}; {_AGAIN}")


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text with their numbers from 1, without line ends of any system; blank ones are left out.

    Raises:
        UserError: A line is not UTF-8, or the file cannot be read.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): see to it that it is a readable file") from error
    lines = []
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise wrong_line(path, number, f"byte {error.start + 1} is not UTF-8") from error
        if text.strip():
            lines.append((number, text))
    return lines


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


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: It is not UTF-8, not JSON, or nested beyond reason.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise wrong_line(path, error.lineno, f"not JSON ({error.msg})") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise wrong_line(path, line, "a byte is not UTF-8") from error
    except (OSError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}): get the official file anew") from error


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

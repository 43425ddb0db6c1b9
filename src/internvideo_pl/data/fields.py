"""Official files read row by row, every fault named by its file and its line or record.

Lines end at a line feed and nowhere else: captions and questions of real files hold other characters that Python's
`splitlines` would break at. Text is UTF-8; half of a surrogate pair, which JSON can write but no tokenizer can read, is
a fault like a missing field.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from internvideo_pl.data.official import read_json, read_text
from internvideo_pl.errors import UserError, hint

ADVICE = "mend the row or get the official file anew"


@dataclass(frozen=True)
class Row:
    """One entry of an official file and where it stands.

    Attributes:
        place: "<file>, line 12" or "<file>, record 12" (both from 1), for error messages.
        fields: Its values by name.
    """

    place: str
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field that is text; it may be empty.

        Raises:
            UserError: It is not there, no text, or holds half of a surrogate pair.
        """
        value = self._value(name)
        if not isinstance(value, str):
            raise self.fault(f"its {name} must be text, not {value!r}")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise self.fault(f"its {name} holds half of a surrogate pair, which is no character") from None
        return value

    def whole(self, name: str) -> int:
        """A field that is a whole number, or text of one.

        Raises:
            UserError: It is not there or is none.
        """
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.fault(f"its {name} must be a whole number, not {value!r}")
        try:
            return int(value)
        except ValueError:
            raise self.fault(f"its {name} must be a whole number, not {value!r}") from None

    def once(self, name: str, seen: dict[Any, str]) -> None:
        """Notes a field that is unique in its file in `seen`.

        Raises:
            UserError: An earlier row has the same.
        """
        value = self._value(name)
        if seen.setdefault(value, self.place) != self.place:
            raise self.fault(f"its {name} {value} is that of {seen[value].rpartition(', ')[2]} too")

    def fault(self, what: str) -> UserError:
        """The error for something wrong with this row."""
        return UserError(f"{self.place}: {what}; {ADVICE}")

    def _value(self, name: str) -> Any:
        if name not in self.fields:
            raise self.fault(f"it has no {name}.{hint(name, self.fields)}".rstrip("."))
        return self.fields[name]


def read_records(path: Path) -> Iterator[Row]:
    """The objects of a JSON list.

    Raises:
        UserError: The file is no list of objects.
    """
    records = read_json(path)
    if not isinstance(records, list):
        raise UserError(f"{path} must be a JSON list of objects; {ADVICE}")
    for number, record in enumerate(records, 1):
        yield _object(f"{path}, record {number}", record)


def read_json_lines(path: Path) -> Iterator[Row]:
    """The objects of a file with one a line; empty lines are passed over.

    Raises:
        UserError: A line is no JSON object.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: {error.msg}, so it is no JSON; {ADVICE}") from None
        yield _object(place, record)


def read_tabs(path: Path, columns: tuple[str, ...] | None = None, quoted: bool = False) -> Iterator[Row]:
    """The lines of a TAB-separated file.

    Args:
        path: The file.
        columns: Names of the fields where the file has no header; None reads them from its first line.
        quoted: Whether a field in quotes loses them and `""` in it stands for one; without it quotes are characters.

    Raises:
        UserError: A line has another number of fields than there are columns.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        line = line.removesuffix("\r")
        if not line:
            continue
        fields = next(csv.reader([line], delimiter="\t")) if quoted else line.split("\t")
        if columns is None:
            columns = tuple(fields)
            continue
        row = Row(f"{path}, line {number}", dict(zip(columns, fields, strict=False)))
        if len(fields) != len(columns):
            raise row.fault(f"it has {len(fields)} fields between tabs instead of {len(columns)}")
        yield row


def _object(place: str, record: Any) -> Row:
    if not isinstance(record, dict):
        raise UserError(f"{place}: it must be an object, not {record!r:.60}; {ADVICE}")
    return Row(place, record)

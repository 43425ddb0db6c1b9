"""The history of weights: which files, by hash, and what was done to them. It travels inside the files themselves."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from internvideo_pl.errors import UserError

FILE = "file"
DEEPEST = 32  # steps in a row that are read back; an honest history has a handful


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Lineage:
    """One step of a history, and the steps before it.

    Attributes:
        operation: What was done: "file" for a file as it was found, else a word such as "average".
        detail: The operation's settings, or a file's name without its folder.
        sha256: Of a file; empty for other operations.
        parents: What it was done to; for a file, the history that the file itself carries.
    """

    operation: str
    detail: str = ""
    sha256: str = ""
    parents: tuple["Lineage", ...] = field(default_factory=tuple)

    @classmethod
    def of_file(cls, path: Path, recorded: "Lineage | None" = None) -> Self:
        """A file as the start of a history; reads the whole file for its hash."""
        return cls(FILE, path.name, file_hash(path), (recorded,) if recorded else ())

    def then(self, operation: str, detail: str = "", *others: "Lineage") -> "Lineage":
        """The history after one more step, which may take other weights in."""
        return Lineage(operation, detail, "", (self, *others))

    def files(self) -> dict[str, str]:
        """SHA-256 to name of every file in the history."""
        found = {self.sha256: self.detail} if self.operation == FILE else {}
        for parent in self.parents:
            found |= parent.files()
        return found

    def lines(self, indent: int = 0) -> list[str]:
        """The history as text, newest step first, parents indented below it."""
        digest = f"  sha256 {self.sha256}" if self.sha256 else ""
        words = f"{'  ' * indent}{self.operation} {self.detail}".rstrip() + digest
        return [words, *(line for parent in self.parents for line in parent.lines(indent + 1))]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = {"operation": self.operation, "detail": self.detail, "sha256": self.sha256}
        return values | {"parents": [parent.to_dict() for parent in self.parents]}

    @classmethod
    def from_dict(cls, values: Any, depth: int = 0) -> Self:
        """The history of `to_dict`.

        Raises:
            UserError: The values are no history.
        """
        texts = [values.get(key) for key in ("operation", "detail", "sha256")] if isinstance(values, Mapping) else []
        parents = values.get("parents") if texts else None
        if depth > DEEPEST or not isinstance(parents, list) or not all(isinstance(text, str) for text in texts):
            raise UserError("the history that the file carries is damaged.")
        operation, detail, sha256 = (str(text) for text in texts)
        return cls(operation, detail, sha256, tuple(cls.from_dict(parent, depth + 1) for parent in parents))


def parse_json(text: str) -> Any:
    """JSON of unknown origin; None where it is none.

    Deep nesting is refused like any other nonsense.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

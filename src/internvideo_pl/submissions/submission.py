"""A file for a challenge's server, with what its validator says of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

NAMED = 3  # ids that a sentence names


@dataclass(frozen=True)
class Submission:
    """What a test predicted, in a challenge's official form.

    Attributes:
        content: The whole file, in JSON's types.
        problems: Why the server would refuse it or score less than the whole list, a sentence each; none when it is
            whole.
    """

    content: Any
    problems: tuple[str, ...] = ()


def head_problems(content: Any, head: dict[str, str], lists: Iterable[str]) -> list[str]:
    """What is wrong with the outer object of a file: the fields of `head` must be so, `lists` must be there."""
    if not isinstance(content, dict):
        return ["the file is no JSON object"]
    told = [
        f"{key!r} is {content.get(key)!r}, not {value!r}" for key, value in head.items() if content.get(key) != value
    ]
    return told + [f"{key!r} is not there" for key in lists if key not in content]


def coverage_problems(found: Iterable[str], wanted: Iterable[str], what: str) -> list[str]:
    """What of an official list is missing, and what is not of it."""
    found, wanted = set(found), set(wanted)
    told = []
    if missing := sorted(wanted - found):
        told.append(f"{len(missing)} of {len(wanted)} {what} are missing: {_named(missing)}")
    if unknown := sorted(found - wanted):
        told.append(f"{len(unknown)} {what} are not of the official list: {_named(unknown)}")
    return told


def _named(ids: list[str]) -> str:
    return ", ".join(ids[:NAMED]) + (", ..." if len(ids) > NAMED else "")

"""Type annotations of config fields: taken apart, and put into words for an error's sentence."""

import dataclasses
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

_WORDS = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    type(None): "null",
    Any: "a plain value",
}


def without_none(annotation: Any) -> Any:
    """`T` for `T | None`; every other annotation as it is."""
    rest = [member for member in _members(annotation) if member is not type(None)]
    return rest[0] if len(rest) == 1 else annotation


def choices(annotation: Any) -> list[str]:
    """The words that a `Literal` (or a union with one) allows; empty for every other annotation."""
    literals = [member for member in _members(annotation) if get_origin(member) is Literal]
    return [str(word) for literal in literals for word in get_args(literal)]


def describe(annotation: Any) -> str:
    """An annotation as the end of the sentence "the key must be ..."."""
    members = _members(annotation)
    if len(members) > 1:
        return " or ".join(describe(member) for member in members)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(repr(word) for word in args)
    if origin is list or (origin is tuple and args[-1] is Ellipsis):
        return f"a list, each item {describe(args[0])}"
    if origin is tuple:
        return f"a list of {len(args)} values ({', '.join(map(describe, args))})"
    if origin is dict:
        return f"a mapping, each value {describe(args[1])}"
    if dataclasses.is_dataclass(annotation):
        return "a mapping with the keys " + ", ".join(item.name for item in dataclasses.fields(annotation))
    return _WORDS.get(annotation, str(annotation))


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)

"""`key=value` and `~key` from the command line, laid over the values of an experiment's files."""

import re
from collections.abc import Iterable
from typing import Any

from internvideo_pl.config.document import Key, parse_value
from internvideo_pl.errors import UserError, hint

COMMAND_LINE = "on the command line"

_KEY = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*")
_LOADERS = {  # keys that say how an experiment is loaded, and where each is said instead
    "extends": "parents stand in the experiment's file",
    "mini": "the miniature is asked for with MINI=1 (--mini)",
    "name": "an experiment is called after its file",
}


def apply_overrides(values: dict[str, Any], overrides: Iterable[str], sources: dict[Key, str]) -> None:
    """Changes `values` in place, from left to right, and notes in `sources` which keys the command line set.

    Raises:
        UserError: when an argument is neither `key=value` nor `~key`, has an empty key or value, has a value that is
            not YAML, or takes away a key that is not there.
    """
    for argument in overrides:
        key, equals, text = argument.partition("=")
        removal = key.startswith("~")
        path = tuple(key.removeprefix("~").split("."))
        if not _KEY.fullmatch(key.removeprefix("~")) or removal == bool(equals):
            raise UserError(f"Cannot read {argument!r}: write key=value with a key such as trainer.max_steps, or ~key.")
        if path[0] in _LOADERS and len(path) == 1:
            raise UserError(f"Cannot take {argument!r}: {_LOADERS[path[0]]}.")
        if removal:
            _remove(values, path)
            continue
        if not text:
            raise UserError(f"{argument!r} has no value: write {key}=null for nothing, {key}='\"\"' for empty text.")
        _assign(values, path, _read(argument, text))
        _note(sources, path)


def _read(argument: str, text: str) -> Any:
    try:
        return parse_value(text)
    except UserError as error:
        raise UserError(f"{argument!r}: {error}.") from error


def _assign(values: dict[str, Any], path: Key, value: Any) -> None:
    for key in path[:-1]:
        inner = values.get(key)
        values[key] = inner if isinstance(inner, dict) else {}
        values = values[key]
    values[path[-1]] = value


def _remove(values: dict[str, Any], path: Key) -> None:
    for depth, key in enumerate(path):
        if not isinstance(values, dict) or key not in values:
            there = list(values) if isinstance(values, dict) else []
            missing = ".".join(path[: depth + 1])
            raise UserError(f"~{'.'.join(path)} takes nothing away: no file sets {missing}.{hint(key, there)}")
        if depth == len(path) - 1:
            del values[key]
        else:
            values = values[key]


def _note(sources: dict[Key, str], path: Key) -> None:
    for inner in [key for key in sources if key[: len(path)] == path]:
        del sources[inner]  # what stood below the key is gone
    for length in range(1, len(path) + 1):
        sources.setdefault(path[:length], COMMAND_LINE)

"""Dataclasses to JSON's values and back, strictly: what a file says that no field has is an error, never ignored."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from internvideo_pl.errors import UserError, hint


def to_plain(value: Any) -> Any:
    """A dataclass, list, tuple or scalar as dicts, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    return [to_plain(item) for item in value] if isinstance(value, list | tuple) else value


def from_plain(schema: Any, value: Any, file: str, key: str = "") -> Any:
    """The value of a type, from what JSON gives for it.

    Args:
        schema: A dataclass, a scalar type, a Literal, a list, tuple or union with None of such, or Any.
        value: What the file says.
        file: The file, for errors.
        key: The dotted key in it, for errors.

    Raises:
        UserError: A key is unknown or missing, a value has another type, or the dataclass refuses it.
    """
    if schema is Any:
        return value
    origin, arguments = get_origin(schema), get_args(schema)
    if origin in (Union, types.UnionType):
        return None if value is None else from_plain(arguments[0], value, file, key)
    if dataclasses.is_dataclass(schema):
        return _dataclass(schema, value, file, key)
    if origin is Literal:
        if value not in arguments:
            raise UserError(f"{file}: {key} cannot be {value!r}.{hint(str(value), map(str, arguments))}")
        return value
    if origin in (list, tuple) and isinstance(value, list):
        if origin is tuple and arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise UserError(f"{file}: {key} has {len(value)} entries instead of {len(arguments)}.")
        return origin(from_plain(arguments[0], item, file, f"{key}.{i}") for i, item in enumerate(value))
    if type(value) is schema or (schema is float and type(value) is int):  # exactly: True is an int to isinstance
        return schema(value)
    name = (origin or schema).__name__
    raise UserError(f"{file}: {key} must be of type {name}, got {value!r}.")


def _dataclass(schema: Any, value: Any, file: str, key: str) -> Any:
    if not isinstance(value, Mapping):
        raise UserError(f"{file}: {key or 'it'} must be a mapping, got {value!r}.")
    hints, prefix = get_type_hints(schema), f"{key}." if key else ""
    fields = {item.name: item for item in dataclasses.fields(schema)}
    for name in value:
        if name not in fields:
            raise UserError(f"{file}: there is no key {prefix + str(name)!r}.{hint(str(name), fields)}")
    for name, item in fields.items():
        if name not in value and item.default is item.default_factory is dataclasses.MISSING:
            raise UserError(f"{file}: the key {prefix + name!r} is missing.")
    values = {name: from_plain(hints[name], item, file, prefix + name) for name, item in value.items()}
    try:
        return schema(**values)
    except (ValueError, ArithmeticError) as error:  # a UserError is a ValueError
        raise UserError(f"{file}: {key or 'it'} does not fit together: {error}") from error

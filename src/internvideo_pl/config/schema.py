"""Plain values against dataclasses: unknown keys, wrong types, wrong choices and missing keys, all found at once.

OmegaConf holds the typed values and resolves `${...}`; the walk here picks schemas by `name` and says in a sentence
what is wrong and where it was written.
"""

import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from internvideo_pl.config.annotation import choices, describe, without_none
from internvideo_pl.config.document import Key
from internvideo_pl.errors import UserError, hint

Schemas = Mapping[str, Mapping[str, type]]
"""Section -> name -> the dataclass that describes the node of that name; each has a field `name: str`."""

_REJECTED = object()  # stands for a value of which a problem was noted


def build(schema: type, values: Mapping[str, Any], schemas: Schemas, sources: Mapping[Key, str]) -> Any:
    """Makes an instance of a dataclass from plain values.

    Args:
        schema: The dataclass of the whole.
        values: Nested mappings, lists and scalars, as they come out of YAML.
        schemas: The tables from which the sections' dataclasses are picked by `name`.
        sources: Where a key was written, as a clause such as "on the command line".

    Raises:
        UserError: when a key is unknown, a value has the wrong type or is not among the choices, a required key is
            missing, or a dataclass refuses its values; one line for each problem.
    """
    checker = _Checker(schemas, sources)
    node = checker.bind(schema, values, ())
    checker.stop_on_problems(node)
    for path, value in _leaves(_plain(node), ()):
        if value == "???":  # OmegaConf's sign for a field without a default; a parent file may write it too
            checker.problems.append(
                f"{_dotted(path)} is required: set it in the experiment's file or with {_dotted(path)}=..."
            )
    checker.stop_on_problems(node)
    checker.resolve(node)
    checker.construct(node, ())
    checker.stop_on_problems(node)
    return OmegaConf.to_object(node)


class _Checker:
    def __init__(self, schemas: Schemas, sources: Mapping[Key, str]) -> None:
        self.schemas = schemas
        self.sources = sources
        self.problems: list[str] = []
        self.unknown: list[tuple[Key, list[str]]] = []  # a key that no field has, and its would-be siblings

    def stop_on_problems(self, node: DictConfig) -> None:
        known = [path for path, _ in _leaves(_plain(node), ())]
        lines = [self._unknown_key(path, siblings, known) for path, siblings in self.unknown] + self.problems
        if lines:
            raise UserError("\n".join(lines))

    def bind(self, schema: type, values: Mapping[str, Any], path: Key, default: Any = None) -> DictConfig:
        """The typed node of a dataclass: `values` laid over the field's own default, where it has one."""
        node = OmegaConf.structured(default if isinstance(default, schema) else schema)
        OmegaConf.set_readonly(node, False)  # a frozen dataclass is filled here, once
        fields = {item.name: item for item in dataclasses.fields(schema)}
        hints = get_type_hints(schema)
        for key, value in values.items():
            here = (*path, str(key))
            if key not in fields:
                self.unknown.append((here, list(fields)))
                continue
            bound = self._value(hints[key], fields[key].metadata.get("section"), value, here, _default(fields[key]))
            if bound is not _REJECTED:
                self._set(node, str(key), bound, hints[key], here)
        return node

    def resolve(self, node: DictConfig) -> None:
        try:
            OmegaConf.resolve(node)
        except OmegaConfBaseException as error:
            key = str(error.full_key or "")
            reason = str(error).splitlines()[0].rstrip(".")
            place = self._place(tuple(key.split(".")))
            raise UserError(f"{key + ': ' if key else ''}{reason}{place}.") from error

    def construct(self, node: Any, path: Key) -> bool:
        """Makes every dataclass, the inner ones first, so that a sentence from a `__post_init__` gets its key."""
        if isinstance(node, ListConfig):
            parts = [self.construct(item, (*path, str(i))) for i, item in enumerate(node)]
            return all(parts)
        if not isinstance(node, DictConfig):
            return True
        parts = [self.construct(node[key], (*path, str(key))) for key in node]
        if not all(parts):
            return False
        try:
            OmegaConf.to_object(node)
        except ValueError as error:
            said = str(error)
            self.problems.append(said if said.startswith(_dotted(path)) else f"{_dotted(path)}: {said}")
            return False
        return True

    def _value(self, annotation: Any, section: str | None, value: Any, path: Key, default: Any = None) -> Any:
        """The value with each mapping that a schema describes bound to it."""
        inner = without_none(annotation)
        if value is None or _is_reference(value):
            return value
        if get_origin(inner) is dict and isinstance(value, Mapping):
            item_type = get_args(inner)[1]
            bound = {str(k): self._value(item_type, section, item, (*path, str(k))) for k, item in value.items()}
            return _REJECTED if _REJECTED in bound.values() else bound
        if get_origin(inner) is list and isinstance(value, list):
            items = [self._value(get_args(inner)[0], section, item, (*path, str(i))) for i, item in enumerate(value)]
            return _REJECTED if _REJECTED in items else items
        if dataclasses.is_dataclass(inner):
            if isinstance(value, Mapping):
                return self.bind(inner, value, path, default)  # type: ignore[arg-type]
            return self._reject(path, f"must be {describe(inner)}, got {_shown(value)}")
        return value if section is None else self._choose(section, value, path, default)

    def _choose(self, section: str, value: Any, path: Key, default: Any) -> Any:
        table = self.schemas.get(section, {})
        if not isinstance(value, Mapping):
            return self._reject(path, f"must be a mapping with a name, got {_shown(value)}", hint(str(value), table))
        name, here = value.get("name", getattr(default, "name", None)), (*path, "name")
        if name is None or name == "???":
            return self._reject(here, "is required", hint("", table))
        if not isinstance(name, str) or name not in table:
            return self._reject(here, f"cannot be {name!r}", hint(str(name), table))
        names = {item.name for item in dataclasses.fields(table[name])}
        assert "name" in names, f"the schema {table[name].__name__} of {section}.{name} needs a field `name: str`"
        return self.bind(table[name], value, path, default if getattr(default, "name", None) == name else None)

    def _set(self, node: DictConfig, key: str, value: Any, annotation: Any, path: Key) -> None:
        try:
            if without_none(annotation) is bool and not isinstance(value, bool | None) and not _is_reference(value):
                raise ValidationError  # OmegaConf would take 2 and "on" for true
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # a list in YAML stands for a tuple on purpose
                OmegaConf.update(node, key, value, merge=False)
        except OmegaConfBaseException:
            near = hint(str(value), choices(annotation))
            self._reject(
                path, f"must be {describe(annotation)}, got {_shown(value)}", near if "Did you" in near else ""
            )

    def _reject(self, path: Key, what: str, advice: str = "") -> Any:
        self.problems.append(f"{_dotted(path)} {what}{self._place(path)}.{advice}")
        return _REJECTED

    def _unknown_key(self, path: Key, siblings: Iterable[str], known: list[Key]) -> str:
        elsewhere = [_dotted(key) for key in known if key[-1] == path[-1]]
        advice = f" Did you mean {elsewhere[0]!r}?" if len(elsewhere) == 1 else hint(path[-1], siblings)
        if self._inherited(path):
            advice += f" An inherited key is taken away with ~{_dotted(path)}."
        return f"Unknown key {_dotted(path)!r}{self._place(path)}.{advice}"

    def _inherited(self, path: Key) -> bool:
        """Whether a file set the key for another `name` than the one that a later file or the command line chose."""
        mine, chooser = (self.sources.get(key, "") for key in (path, (*path[:-1], "name")))
        return mine.startswith("in ") and bool(chooser) and mine.split(", line")[0] != chooser.split(", line")[0]

    def _place(self, path: Key) -> str:
        """Where the key, or the nearest mapping around it, was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.sources:
                return f" ({self.sources[path[:length]]})"
        return ""


def _plain(node: DictConfig) -> Any:
    return OmegaConf.to_container(node, resolve=False, throw_on_missing=False)


def _leaves(value: Any, path: Key) -> Iterator[tuple[Key, Any]]:
    """Every scalar of nested mappings and lists, with its path."""
    if isinstance(value, dict | list | tuple):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*path, str(key)))
    else:
        yield path, value


def _default(item: dataclasses.Field[Any]) -> Any:
    """The default of a field that is itself a dataclass, such as `field(default_factory=TrainerConfig)`."""
    return None if item.default_factory is dataclasses.MISSING else item.default_factory()


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)


def _dotted(path: Key) -> str:
    return ".".join(path)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and (value == "???" or "${" in value)

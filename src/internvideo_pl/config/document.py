"""YAML text to plain values and back, without YAML 1.1's surprises.

PyYAML follows YAML 1.1, in which `1e-4` is text, `off` is false, `1:30` is 90 and a repeated key silently wins. Here
numbers and booleans are read by the core schema of YAML 1.2 (section 10.3.2 of its specification, decimal and
hexadecimal integers only), a repeated key is an error, and nothing but plain values can come out of a file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from internvideo_pl.errors import UserError

Key = tuple[str, ...]

_RESOLVERS = [
    ("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)$"), list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        re.compile(
            r"^[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))$"
            r"|^\.(?:nan|NaN|NAN)$"
        ),
        list("-+0123456789."),
    ),
]


class _Loader(yaml.SafeLoader):
    """Plain values only, numbers and booleans as `_RESOLVERS` say, no alias and no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases are not read here: share text by `extends`", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a single word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Puts text into quotes exactly where `_Loader` would read something else."""


for _handler in (_Loader, _Dumper):
    _handler.yaml_implicit_resolvers = {}
    for _tag, _pattern, _first in _RESOLVERS:
        _handler.add_implicit_resolver(_tag, _pattern, _first)
_Dumper.add_multi_representer(Path, lambda dumper, path: dumper.represent_str(str(path)))


@dataclass
class Document:
    """A file's mapping, and the line on which each of its keys stands (counted from 1)."""

    path: Path
    values: dict[str, Any]
    lines: dict[Key, int] = field(default_factory=dict)

    def place(self, key: Key) -> str:
        """The file, and the line of the key where the file has it, as they stand in an error's sentence."""
        return f"{_shown(self.path)}, line {self.lines[key]}" if key in self.lines else _shown(self.path)


def read_document(path: Path) -> Document:
    """Reads one YAML file that must be a mapping.

    Raises:
        UserError: when the file cannot be read, is not UTF-8 or not YAML, repeats a key, or is not a mapping; the
            sentence names the file and, where there is one, the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot read {_shown(path)}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{_shown(path)} is not UTF-8 text (byte {error.start}).") from error
    try:
        node, values = _parse(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{_shown(path)}, line {line}: {error.problem or error.context}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{_shown(path)}: {str(error).splitlines()[0]}.") from error
    if not isinstance(values, dict):
        raise UserError(f"{_shown(path)} must hold `key: value` lines, not {_kind(values)}.")
    return Document(path, values, dict(_lines(node, ())))


def parse_value(text: str) -> Any:
    """Reads the value of a `key=value`: a number, text, null, or a list or mapping in YAML's flow style.

    Raises:
        UserError: when the text is not YAML.
    """
    try:
        node, value = _parse(text)
    except yaml.YAMLError as error:
        reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error).splitlines()[0]
        raise UserError(f"cannot read the value {text!r} ({reason}); put text with special signs in quotes") from error
    return text if node is None else value  # a lone comment sign, as in `tag=#1`, is text


def format_document(values: dict[str, Any]) -> str:
    """Writes plain values (and paths) as YAML that `read_document` reads back to the same values."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=120)  # escapes: PyYAML folds U+0085


def _parse(text: str) -> tuple[yaml.Node | None, Any]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _lines(node: yaml.Node | None, prefix: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = (*prefix, str(key.value))
            yield path, key.start_mark.line + 1
            yield from _lines(value, path)


def _shown(path: Path) -> str:
    """The path as a person in the working directory would write it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _kind(value: Any) -> str:
    return "nothing" if value is None else "a list" if isinstance(value, list) else f"the single value {value!r}"

"""What the file of a row must hold, before anything is made of it."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from internvideo_pl.tables.paper import paper

LARGEST = 2**63 - 1  # of a whole number: what a column of any other program can hold
_WORDS = ("experiment", "model", "task", "headline", "config_hash", "code_version", "kwh_source", "devices", "recipe")


def checked_fields(content: Mapping[str, Any]) -> dict[str, Any]:
    """A row's fields in its types, `coverage` still a mapping.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: One has another type, or a value that no run writes.
    """
    json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair is JSON, but no text
    for name in _WORDS:
        _text(name, content[name])
    for name, kind in {"mini": bool, "protocol": dict}.items():
        if type(content[name]) is not kind:
            raise TypeError(f"{name} is {content[name]!r}")
    benchmark = content["benchmark"]
    if benchmark is not None and benchmark not in paper().benchmarks:
        raise ValueError(f"the paper has no benchmark {benchmark!r}")
    if datetime.fromisoformat(_text("created", content["created"])).tzinfo is None:
        raise ValueError(f"created is {content['created']!r}, without a time zone")
    return {
        **content,
        "coverage": _coverage(content["coverage"]),
        "metrics": {
            name: math.nan if value is None else _number(name, value) for name, value in content["metrics"].items()
        },
        "chance": {name: _number(f"chance of {name}", value) for name, value in content["chance"].items()},
        **{name: _number(name, content[name]) for name in ("seconds", "gpu_hours")},
        **{name: None if content[name] is None else _number(name, content[name]) for name in ("kwh", "kg_co2")},
        **{name: _texts(name, content[name]) for name in ("parents", "versions")},
        "seed": _whole("seed", content["seed"]),
        "intervals": {name: _ends(name, ends) for name, ends in content["intervals"].items()},
    }


def _coverage(given: Mapping[str, Any]) -> dict[str, Any]:
    used, official = (_whole(name, given[name]) for name in ("used", "official"))
    if not 0 <= used <= official:
        raise ValueError(f"used is {used} of {official} official videos")
    if not isinstance(given["missing"], list):
        raise TypeError(f"missing is {given['missing']!r}")
    return {"used": used, "official": official, "missing": tuple(_text("missing", name) for name in given["missing"])}


def _number(name: str, value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{name} is {value!r}")
    if not (abs(value) <= LARGEST if isinstance(value, int) else math.isfinite(value)):
        raise ValueError(f"{name} is no finite number")
    return float(value)


def _whole(name: str, value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{name} is {value!r}, no whole number")
    if abs(value) > LARGEST:
        raise ValueError(f"{name} is larger than any that a run has")
    return value


def _text(name: str, value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{name} is {value!r}")
    return value


def _texts(name: str, values: Any) -> dict[str, str]:
    if type(values) is not dict:
        raise TypeError(f"{name} is {values!r}")
    return {key: _text(f"{name} {key}", value) for key, value in values.items()}


def _ends(name: str, ends: Any) -> tuple[float, float]:
    if not isinstance(ends, list) or len(ends) != 2:
        raise TypeError(f"the interval of {name} is {ends!r}")
    return _number(f"the interval of {name}", ends[0]), _number(f"the interval of {name}", ends[1])

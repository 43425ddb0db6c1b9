"""Reads what an offline run of Weights & Biases has kept: a log of records, in LevelDB's format.

Seven bytes of head (`:W&B` and three more); then blocks of 32 KiB, with records of a checksum (4 bytes), a length (2),
a kind (1: whole, 2: first, 3: middle, 4: last) and their bytes, which are one `Record` of protobuf when put together.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEAD = 32768, 7


def records(path: Path) -> Iterator[Record]:
    """Every record of a `.wandb` file."""
    data, position, parts = path.read_bytes(), HEAD, b""
    assert data.startswith(b":W&B")
    while position + HEAD <= len(data):
        room = BLOCK - position % BLOCK
        if room < HEAD:
            position += room
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + HEAD])
        parts += data[position + HEAD : position + HEAD + length]
        position += HEAD + length
        if kind in (1, 4):
            record = Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def history(folder: Path) -> dict[str, list[Any]]:
    """Key -> all values logged under it, by the offline runs below a folder."""
    logged: dict[str, list[Any]] = {}
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        for record in records(path):
            row: dict[str, Any] = {}
            for item in record.history.item:
                key, *inner = item.nested_key or [item.key]
                value = json.loads(item.value_json)
                row[key] = {**row.get(key, {}), inner[0]: value} if inner else value
            for key, value in row.items():
                logged.setdefault(key, []).append(value)
    return logged


def media(folder: Path, value: dict[str, Any]) -> Path:
    """The file that a logged table or picture points at."""
    (found,) = folder.glob(f"wandb/offline-run-*/files/{value['path']}")
    return found

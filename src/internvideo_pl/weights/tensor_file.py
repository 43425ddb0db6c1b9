"""Our own files: safetensors, with a note on what they hold and where it came from.

Reading maps the file into memory, so that a tensor takes space once; writing goes to a temporary name first.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.weights.lineage import Lineage, parse_json
from internvideo_pl.whole_file import replacing

SUFFIX = ".safetensors"
LARGEST_HEADER = 16 << 20  # bytes; a model of 1,500 tensors needs 0.2 MB
MOST_TENSORS = 20_000  # ViT-g with the states of its optimizer has about 5,000
NOTE = "internvideo_pl"  # our key among a safetensors file's free-text metadata

Note = dict[str, object]


def read_tensor_file(path: Path) -> tuple[dict[str, Tensor], Note]:
    """Tensors of a safetensors file, mapped from it, and its note; an empty one when others wrote it.

    Raises:
        UserError: The file is damaged.
    """
    with path.open("rb") as file:
        start = file.read(8)
    size = path.stat().st_size
    header = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 0 < header <= size - 8:
        raise UserError(f"{path} is cut off or damaged: it is shorter than its header says.")
    if header > LARGEST_HEADER:
        raise UserError(f"{path} has a header of {header:,} bytes; that of a model is below {LARGEST_HEADER:,}.")
    try:
        with safe_open(path, framework="pt") as file:
            note = parse_json((file.metadata() or {}).get(NOTE, ""))
            if len(file.keys()) > MOST_TENSORS:
                raise ValueError(f"it lists {len(file.keys()):,} tensors, far more than any model has")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            return tensors, note if isinstance(note, dict) else {}
    except Exception as error:  # bytes of unknown origin; the library raises several kinds
        raise UserError(f"{path} is a damaged safetensors file: {str(error).splitlines()[0][:200]}") from error


def write_tensor_file(state: Mapping[str, Tensor], path: Path, note: Note, lineage: Lineage | None = None) -> Path:
    """Writes tensors with their note and history; the file appears whole or not at all.

    Args:
        state: Tensors on any device; those that share memory are written apart.
        path: The file; an existing one is replaced.
        note: What they are, as plain values for JSON.
        lineage: Where they come from.

    Raises:
        UserError: The file cannot be written.
    """
    if lineage is not None:
        note = {**note, "lineage": lineage.to_dict()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            save_file(_apart(state), temporary, {NOTE: json.dumps(note)})
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write {path}: {error}") from error
    return path


def lineage_in(note: Note) -> Lineage | None:
    """The history in a file's note, if it has one.

    Raises:
        UserError: It is damaged.
    """
    return Lineage.from_dict(note["lineage"]) if "lineage" in note else None


def _apart(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in main memory and contiguous; a second one that starts at the same place is copied."""
    apart: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, value in state.items():
        value = value.detach().cpu().contiguous()
        if value.numel() and value.data_ptr() in places:
            value = value.clone()
        places.add(value.data_ptr())
        apart[name] = value
    return apart

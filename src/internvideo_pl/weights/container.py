"""Any file of weights, opened by what its first bytes say; nothing in it is ever run without being asked.

Known: safetensors, `torch.save` since PyTorch 1.6 (zip) and before, TorchScript archives, and folders that hold one of
them (a run's, a hub repository's, DeepSpeed's).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from torch import Tensor, nn, strided

from internvideo_pl.errors import UserError
from internvideo_pl.weights.archive import SIGNATURE, open_archive
from internvideo_pl.weights.pickles import LARGEST_PICKLE, legacy_names, load_pickled, names_in
from internvideo_pl.weights.tensor_file import MOST_TENSORS, Note, read_tensor_file
from internvideo_pl.weights.torchscript import read_torchscript

IN_FOLDERS = ("model.safetensors", "pytorch_model.bin", "mp_rank_00_model_states.pt")  # ours, the hub's, DeepSpeed's
SHARED = 2  # a file's tensors may together be this many times larger than the file, for tied ones
_PICKLE = b"\x80"


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        path: The file itself, also where a folder was named.
        tree: Tensors by name, or nested mappings around them.
        note: Ours, in files that this library wrote.
    """

    path: Path
    tree: Any
    note: Note = field(default_factory=dict)


def open_file(path: Path, trust: bool = False) -> Contents:
    """Opens a file of weights or the folder of one.

    Args:
        path: The file or folder.
        trust: Whether pickled code may run if the file cannot be read without.

    Raises:
        UserError: There is no such file, it is damaged or of another kind, or it would have to run code.
    """
    path = file_of(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
        contents = _opened(path, start, trust)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    _check(contents)
    return contents


def file_of(path: Path) -> Path:
    """The file of weights that a path stands for: itself, or the one in a folder.

    Raises:
        UserError: There is none.
    """
    if path.is_dir():
        found = next((path / name for name in IN_FOLDERS if (path / name).is_file()), None)
        if found is None:
            raise UserError(f"the folder {path} holds no weights: none of {', '.join(IN_FOLDERS)} is in it.")
        return found
    if not path.is_file():
        raise UserError(f"there is no file of weights at {path}.")
    return path


def _opened(path: Path, start: bytes, trust: bool) -> Contents:
    if not start:
        raise UserError(f"{path} is empty.")
    if start[8:9] == b"{":  # after the header's length, of which any bytes may be
        tensors, note = read_tensor_file(path)
        return Contents(path, tensors, note)
    if start.startswith(SIGNATURE):
        archive = open_archive(path)
        if archive.is_torchscript:
            return Contents(path, read_torchscript(archive))
        if archive.entries.get("byteorder") and archive.read("byteorder", 16) != b"little":
            raise UserError(f"{path} was written on a big-endian machine: save it again on a little-endian one.")
        names = names_in(BytesIO(archive.read("data.pkl", LARGEST_PICKLE)), path)
        return Contents(path, load_pickled(path, names, mmap=True, trust=trust))
    if start.startswith(_PICKLE):
        return Contents(path, load_pickled(path, legacy_names(path), mmap=False, trust=trust))
    what = "a pointer of git-lfs, not the file itself" if start.startswith(b"version ") else "no file of weights"
    raise UserError(f"{path} is {what}: it is neither safetensors nor anything that PyTorch wrote.")


def _check(contents: Contents) -> None:
    """Refuses tensors that are not plain values or that together claim more memory than the file has."""
    path, total = contents.path, 0
    limit = SHARED * path.stat().st_size
    tensors = tensors_in(contents.tree)
    if len(tensors) > MOST_TENSORS:
        raise UserError(f"{path} holds {len(tensors):,} tensors, far more than any model.")
    for tensor in tensors:
        plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == strided and not tensor.is_quantized
        if not plain or tensor.device.type != "cpu":
            raise UserError(
                f"{path} holds a {tensor.device.type} {tensor.layout} tensor: only plain values can be read."
            )
        total += tensor.numel() * tensor.element_size()
        if total > limit:
            raise UserError(f"{path} declares tensors of more bytes than it has.")


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors in a mapping and the mappings in it, each once; other containers hold no weights."""
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            found[id(value)] = value
        elif isinstance(value, Mapping) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value.values())
    return list(found.values())

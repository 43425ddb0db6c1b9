"""Tensors of a compiled program (a TorchScript archive, such as OpenAI's CLIP files), read without running any of it.

`torch.jit.load` compiles what the archive says and may run it. Here only the archive's table of attributes is read, by
an unpickler that knows no function but those below, and the values are mapped from the file as they lie there.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.weights.archive import Archive
from internvideo_pl.weights.pickles import LARGEST_PICKLE, names_in

DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
MOST_MODULES = 20_000  # CLIP L/14 has about 500
LONGEST_NAME = 1000  # letters
_LIST_BUILDERS = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")


class Script:
    """Stands in for any compiled module: keeps its attributes and has no behaviour."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        """Keeps attributes; any other state is forgotten."""
        if isinstance(state, dict):
            self.attributes = state


def read_torchscript(archive: Archive) -> dict[str, Tensor]:
    """The parameters and buffers of the archive's module, by their dotted names.

    Raises:
        UserError: The archive is damaged or holds something that a module's state does not need.
    """
    program = archive.read("data.pkl", LARGEST_PICKLE)
    names_in(io.BytesIO(program), archive.path)  # sizes and memo in bounds, nothing exotic
    whole: Any = torch.UntypedStorage.from_file(str(archive.path), False, archive.path.stat().st_size)
    try:
        module = _Reader(program, archive, whole).load()
    except Exception as error:  # bytes of unknown origin can fail in any way
        reason = str(error).split("\n")[0][:200]
        raise UserError(f"{archive.path} cannot be read as a TorchScript archive: {reason}") from error
    if not isinstance(module, Script):
        raise UserError(f"{archive.path} cannot be read as a TorchScript archive: it holds no module.")
    return _named_tensors(module, archive)


class _Reader(pickle.Unpickler):
    """Knows tensors, lists and modules, and nothing else."""

    def __init__(self, program: bytes, archive: Archive, whole: torch.UntypedStorage) -> None:
        super().__init__(io.BytesIO(program))
        self.archive = archive
        self.whole = whole

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if module.startswith("__torch__"):
            return Script
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
            ("torch.jit._pickle", "restore_type_tag"): _First(),
        }
        known |= {("torch.jit._pickle", builder): _First() for builder in _LIST_BUILDERS}
        if (module, name) not in known:
            _refuse(f"it refers to {module}.{name}")
        return known[(module, name)]

    def persistent_load(self, pid: Any) -> tuple[torch.UntypedStorage, torch.dtype]:
        _, dtype, key, _, count = pid
        offset, length = self.archive.entries[f"data/{key}"]
        if not isinstance(dtype, torch.dtype) or count * dtype.itemsize > length:
            _refuse(f"its entry data/{key} is shorter than declared")
        return self.whole[offset : offset + length], dtype


class _RebuildTensor:
    """A tensor of (storage, dtype), offset, size, stride; without attributes, so that no pickle can set one."""

    __slots__ = ()

    def __call__(self, storage: tuple[Any, torch.dtype], offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
        raw, dtype = storage
        return torch.empty(0, dtype=dtype).set_(raw, offset, tuple(size), tuple(stride))  # PyTorch checks the bounds


class _First:
    """The first of its arguments; as above."""

    __slots__ = ()

    def __call__(self, value: Any, *_: Any) -> Any:
        return value


def _refuse(reason: str) -> NoReturn:
    raise pickle.UnpicklingError(reason)


def _named_tensors(module: Any, archive: Archive) -> dict[str, Tensor]:
    """Walks modules. One that stands in several places, or in itself, has many names, so the walk is bounded."""
    tensors: dict[str, Tensor] = {}
    waiting, seen = [("", module)], 0
    while waiting:
        prefix, module = waiting.pop()
        seen += 1
        if seen > MOST_MODULES or len(prefix) > LONGEST_NAME:
            raise UserError(f"{archive.path} holds more modules in one another than any network has.")
        for name, value in module.attributes.items() if isinstance(module, Script) else ():
            if isinstance(value, Tensor):
                tensors[f"{prefix}{name}"] = value
            elif isinstance(value, Script):
                waiting.append((f"{prefix}{name}.", value))
    return tensors

"""Pickles of unknown origin: looked through without being run, then read with `weights_only`.

A pickle is a program that may call any function. `torch.load(weights_only=True)` runs only the few calls that tensors
need. Training scripts pickle their arguments and settings along with the tensors; for those of well-known packages an
inert object stands in, whose class is never imported, so even these files are read without running anything of theirs.
"""

import io
import pickletools
import re
import warnings
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from internvideo_pl.errors import UserError

LARGEST_PICKLE = 8 << 20  # bytes, tensors not counted; ViT-H with its optimizer needs below 1 MB
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first object of files before PyTorch 1.6
LEGACY_PICKLES = 5  # magic number, protocol, system, the object, names of the storages
_OTHER_PROTOCOLS = {"STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"}  # name code in ways that weights_only does not read
UNNAMED = "of a pickle protocol that PyTorch does not use"


class Inert:
    """Stands in for an object of a foreign class; does nothing with what it is given."""

    def __init__(self, *_: Any) -> None:
        """Takes and forgets any arguments."""

    def __setstate__(self, state: Any) -> None:
        """Takes and forgets any state."""


class InertDict:
    """Stands in for a foreign kind of dictionary: a plain one is made instead."""

    def __new__(cls, *_: Any) -> Any:
        """An empty dictionary."""
        return OrderedDict()


class InertList:
    """Stands in for a foreign kind of list: a plain one is made instead."""

    def __new__(cls, *_: Any) -> Any:
        """An empty list."""
        return []


# What training scripts pickle along; a name that ends with a dot stands for all names below it. The first match counts.
STAND_INS: dict[str, type] = {
    "builtins.dict": InertDict,
    "builtins.list": InertList,
    "builtins.object": Inert,
    "copyreg._reconstructor": Inert,
    "collections.defaultdict": InertDict,
    "argparse.Namespace": Inert,
    "datetime.": Inert,
    "pathlib.": Inert,
    "numpy.": Inert,  # scalars and arrays beside the weights, such as a best accuracy
    "yacs.config.CfgNode": InertDict,  # SlowFast, on which UniFormerV2 is built
    "fvcore.common.config.CfgNode": InertDict,
    "easydict.EasyDict": InertDict,
    "sacred.config.custom_containers.ReadOnlyDict": InertDict,  # InternVideo-MM's configuration
    "sacred.config.custom_containers.ReadOnlyList": InertList,
    "sacred.config.custom_containers.": InertDict,
    "pytorch_lightning.utilities.parsing.AttributeDict": InertDict,
    "lightning.fabric.utilities.data.AttributeDict": InertDict,
    "lightning_fabric.utilities.data.AttributeDict": InertDict,
    "pytorch_lightning.": Inert,
    "lightning.": Inert,
    "lightning_fabric.": Inert,
    "omegaconf.": Inert,
    "deepspeed.": Inert,
    "timm.": Inert,
    "torch.optim.": Inert,
    "torch.torch_version.TorchVersion": Inert,
}
# What weights_only reads by itself, except bytearray, which can be asked for any amount of memory.
_PLAIN = {"collections.OrderedDict", "collections.Counter", "builtins.set", "builtins.complex", "_codecs.encode"}
_PLAIN |= {str(value) for value in vars(torch).values() if isinstance(value, torch.dtype)}
_PLAIN_TORCH = re.compile(
    r"torch\.((cuda\.)?\w*Storage|storage\.\w+|Size|device|Tensor|nn\.parameter\.Parameter|_utils\._rebuild_\w+"
    r"|_tensor\._rebuild_\w+|serialization\._get_layout)"
)


def names_in(stream: io.BytesIO, path: Path) -> set[str]:
    """Every class and function that the next pickle of a stream refers to, as "module.name"; nothing is run.

    Leaves the stream behind the pickle. What another protocol than PyTorch's refers to is `UNNAMED`.

    Raises:
        UserError: The pickle is damaged or too large.
    """
    found = set()
    limit = len(stream.getbuffer())
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in _OTHER_PROTOCOLS:
                found.add(UNNAMED)
            elif opcode.name == "GLOBAL":
                found.add(_modern(*str(argument).split(" ", 1)))
            elif "PUT" in opcode.name and int(str(argument)) > limit:
                raise ValueError("it numbers more objects than it can hold")
    except Exception as error:  # bytes of unknown origin: whatever goes wrong, they are no pickle
        raise UserError(f"{path} holds a damaged pickle ({error}): copy or download the file again.") from error
    return found


def legacy_names(path: Path) -> set[str]:
    """As `names_in`, for a whole file in the format before PyTorch 1.6.

    Raises:
        UserError: As `names_in`, or the file is some other pickle.
    """
    with path.open("rb") as file:
        stream = io.BytesIO(file.read(LARGEST_PICKLE))
    try:
        first = next((argument for _, argument, _ in pickletools.genops(stream) if argument not in (None, 2)), None)
    except Exception:
        first = None
    if first != LEGACY_MAGIC:
        raise UserError(f"{path} is a pickle, but not one that PyTorch's torch.save wrote.")
    stream.seek(0)
    return set().union(*(names_in(stream, path) for _ in range(LEGACY_PICKLES)))


def load_pickled(path: Path, names: set[str], mmap: bool, trust: bool) -> Any:
    """The object in a file that `torch.save` wrote, on the CPU.

    Args:
        path: The file.
        names: The classes and functions in its pickles.
        mmap: Whether tensors stay in the file until they are used; needs a zip archive.
        trust: Whether its code may run if `weights_only` refuses the file.

    Raises:
        UserError: The file is damaged, or only running its code could read it.
    """
    stand_ins = {name: stand_in for name in names if (stand_in := _stand_in(name))}
    unknown = sorted(name for name in names - stand_ins.keys() - _PLAIN if not _PLAIN_TORCH.fullmatch(name))
    if unknown and not trust:
        raise UserError(_needs_trust(path, unknown))
    allowed: list[Any] = [(stand_in, name) for name, stand_in in stand_ins.items()]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([] if unknown else allowed):
            warnings.simplefilter("ignore")
            if path.suffix == ".safetensors":  # torch.load goes by this name, whatever the file is
                with path.open("rb") as file:
                    return torch.load(file, map_location="cpu", weights_only=not unknown)
            return torch.load(path, map_location="cpu", weights_only=not unknown, mmap=mmap)
    except Exception as error:  # bytes of unknown origin can fail in any way
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise UserError(f"{path} cannot be read as a checkpoint of PyTorch: {reason}") from error


def _stand_in(name: str) -> type | None:
    matches = (known for known in STAND_INS if name == known or (known.endswith(".") and name.startswith(known)))
    found = next(matches, None)
    return STAND_INS[found] if found else None


def _modern(module: str, name: str) -> str:
    """The name under Python 3 of something that Python 2 may have pickled."""
    if (module, name) in NAME_MAPPING:
        return ".".join(NAME_MAPPING[(module, name)])
    return f"{IMPORT_MAPPING.get(module, module)}.{name}"


def _needs_trust(path: Path, unknown: list[str]) -> str:
    return (
        f"{path} holds Python objects beside its tensors ({', '.join(unknown[:3])}), and reading them would run code "
        "from the file: ask for a file of plain tensors or, only if you trust where it comes from, allow it with "
        "--trust (in an experiment: weights.trust=true)."
    )

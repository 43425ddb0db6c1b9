"""Pickles of plain values: dictionaries, lists, strings and numbers, and nothing that is looked up by name.

A pickle of unknown origin is a program that may call whatever it names. One of plain values names nothing, so here
every name is refused before it is looked up, and the rest of the format can only build values.
"""

import pickle
from pathlib import Path
from typing import Any, NoReturn

from internvideo_pl.errors import UserError

LARGEST = 256 << 20  # bytes; MSVD's 80,827 sentences are below 10 MB


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it refers to something outside itself")


def read_plain_pickle(path: Path) -> Any:
    """The value in a pickle, whose byte strings (Python 2's) are read as UTF-8.

    Raises:
        UserError: It is no pickle, or one that names code.
    """
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} has more than {LARGEST >> 20} MB, which no list of sentences has; get it anew")
    try:
        with path.open("rb") as file:
            return _Plain(file, encoding="utf-8", errors="surrogateescape").load()
    except Exception as error:  # a damaged pickle fails in any of the format's steps, in any way
        raise UserError(f"{path} is no pickle of plain sentences ({error}); get the official file anew") from error

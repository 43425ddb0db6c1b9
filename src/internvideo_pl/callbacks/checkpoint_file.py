"""A checkpoint as one file: written whole or not at all, checked before it is read, and nothing in it can be executed.

The file is PyTorch's, a zip archive with a CRC-32 of every tensor. PyTorch writes these sums and never looks at them
again; `damage` does.
"""

import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from torch import Tensor
from torch.distributed.tensor import DTensor

from internvideo_pl.errors import UserError

SPARE = 16 * 2**20  # bytes beyond the tensors: the rest of the state, and what else writes to the disk meanwhile


class CheckpointFile(CheckpointIO):
    """How Lightning writes and reads checkpoints.

    Unlike Lightning's own, it streams the tensors to the disk instead of holding the file in memory first.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | os.PathLike, storage_options: Any = None) -> None:
        """Write and flush to the disk.

        Raises:
            UserError: There is no room, or the disk cannot be written; nothing is left at `path`.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        require_room(path.parent, size_of(checkpoint))
        try:
            with path.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as error:  # PyTorch's writer turns a full disk into a RuntimeError
            path.unlink(missing_ok=True)
            reason = error.strerror if isinstance(error, OSError) else "the disk is full or failing"
            raise UserError(f"the checkpoint {path} cannot be written: {reason}; older ones are untouched") from error

    def load_checkpoint(
        self, path: str | os.PathLike, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Tensors and plain containers; pickled code is refused.

        Raises:
            UserError: The file is no such checkpoint.
        """
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise UserError(f"{path} is not a checkpoint of this project ({type(error).__name__})") from error

    def remove_checkpoint(self, path: str | os.PathLike) -> None:
        """Delete it."""
        Path(path).unlink(missing_ok=True)


def damage(path: Path) -> str | None:
    """What is wrong with a checkpoint file, by its checksums; None when nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
        if bad:
            return f"wrong checksum of {bad}"
        torch.load(path, map_location="cpu", mmap=True, weights_only=True)  # reads no tensor, but every description
    except Exception as error:  # a damaged archive can fail in any way
        return str(error).partition("\n")[0] or type(error).__name__
    return None


def size_of(state: Any) -> int:
    """Bytes of all tensors in nested containers; those that share memory count once, as in the file."""
    return sum(_storages(state).values())


def _storages(state: Any) -> dict[int, int]:
    if isinstance(state, DTensor):
        return {id(state): state.numel() * state.itemsize}  # whole in the file
    if isinstance(state, Tensor):
        storage = state.untyped_storage()
        return {storage.data_ptr(): storage.nbytes()}
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return {where: size for part in parts for where, size in _storages(part).items()}


def require_room(folder: Path, size: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        UserError: Less is free than `size` bytes and something to spare.
    """
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise UserError(
            f"a checkpoint needs {(size + SPARE) / 2**30:.2f} GiB and the disk of {folder} has {free / 2**30:.2f} GiB "
            "left, so none was begun and older ones are untouched; free some space and repeat the command"
        )

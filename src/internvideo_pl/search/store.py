"""Vectors of videos on disk, by what the videos contain: renamed, moved and copied files are never embedded again.

<cache>/search/<model>/<first two digits>/<content>.npz    vectors (W, E) and times (W, 2) of a video's windows
<cache>/search/contents.json                               content of each file by its path, size and time of change
Every file is written under another name and then renamed, so that it is whole or not there.
"""

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.doctor.contents import digest_of
from internvideo_pl.data.location import stamp_of
from internvideo_pl.errors import UserError
from internvideo_pl.models.model import VideoModel
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.whole_file import write_whole

FORMAT = 1  # raise it when the same video would get other vectors
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """The windows of one video: unit vectors, float32 (W, E), and their begins and ends in seconds, float32 (W, 2)."""

    vectors: Floats
    times: Floats


def key_of(model: VideoModel, seconds: float) -> str:
    """Sixteen hexadecimal digits for a model's weights, its way of reading, and the length of windows."""
    note = {name: value for name, value in model.config.to_note().items() if name != "lineage"}
    total = hashlib.sha256(json.dumps([FORMAT, seconds, note], sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.network.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()[:16]


class Store:
    """What is known of videos, under one key.

    Args:
        folder: Of all searches.
        key: Of the model and the windows.
    """

    def __init__(self, folder: Path, key: str):
        self.folder = folder
        self.vectors = folder / key
        self.known = _read_contents(folder / "contents.json")

    def content(self, location: str) -> str:
        """A hash of a video's bytes; read from disk only when its size or time has changed.

        Raises:
            DecodeError: It cannot be read.
        """
        name, stamp = os.path.abspath(location) if os.path.lexists(location) else location, stamp_of(location)
        if stamp is None:
            raise DecodeError(location, "is not there")
        known = self.known.get(name)
        if known is not None and known[:2] == list(stamp):
            return str(known[2])
        try:
            digest = digest_of(location)
        except OSError as error:
            raise DecodeError(location, f"cannot be read ({error.strerror})") from error
        self.known[name] = [*stamp, digest]
        return digest

    def keep_contents(self) -> None:
        """Writes what is known of files, beside what another process has written meanwhile."""
        path = self.folder / "contents.json"
        self.known = _read_contents(path) | self.known
        _write(path, json.dumps(self.known).encode())

    def has(self, content: str) -> bool:
        """Whether a video is embedded."""
        return self._path(content).is_file()

    def get(self, content: str) -> Embedded | None:
        """The vectors of a video; None where there are none, or the file is damaged."""
        try:
            with np.load(self._path(content), allow_pickle=False) as file:
                found = Embedded(file["vectors"], file["times"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        sound = found.vectors.ndim == 2 and found.times.shape == (len(found.vectors), 2)
        return found if sound and np.isfinite(found.vectors).all() else None

    def put(self, content: str, embedded: Embedded) -> None:
        """Keeps the vectors of a video.

        Raises:
            UserError: They cannot be written.
        """
        path = self._path(content)
        temporary = path.with_name(f".{content}.{os.getpid()}.npz")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(temporary, vectors=embedded.vectors, times=embedded.times)
            os.replace(temporary, path)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _path(self, content: str) -> Path:
        return self.vectors / content[:2] / f"{content}.npz"


def _read_contents(path: Path) -> dict[str, list[Any]]:
    """What is known of files; nothing where that cannot be read, which costs time alone."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(f"cannot write to {folder} ({error.strerror}): point INTERNVIDEO_CACHE to another folder")

"""What is known of a dataset's videos: found by the doctor, kept in the cache, used by runs while they are unchanged.

A manifest changes no number that a run reports. It saves opening what is known to be good, and trying what is known to
give no frame at all; a video that is damaged in some places is still read, as its other places may serve.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args
from zipfile import BadZipFile

import av
import numpy as np

from internvideo_pl.data.location import stamp_of, whole_of
from internvideo_pl.errors import UserError
from internvideo_pl.whole_file import replacing

Status = Literal["sound", "damaged", "unreadable", "stuck", "hashed", "unreachable"]
HOPELESS = ("unreadable", "stuck")  # reading such a file cannot succeed, or would not end

FORMAT = 1  # raise it whenever older files would be misread


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One video as it was when it was looked at.

    Attributes:
        path: Its location, relative to the dataset's folder; of an excerpt, that of the whole video.
        size: Bytes; 0 behind a URL, where nobody asks.
        changed: Time of the last change, nanoseconds since 1970; of a shard's member or a URL, a hash of its key.
        status: "sound" (decodes to its end), "damaged" (some frames do not), "unreadable" (none does), "stuck" (gave no
            sign of life, or ended the process that read it), "hashed" (only the contents were compared) or
            "unreachable" (no permission, no network: nothing is known of the contents, and nothing is kept).
        reason: Why it is not sound, in one line.
        frames: Shown frames, counted.
        fps: Frames a second, the container's mean rate where its times agree with it.
        seconds: From the first frame to the end of the last.
        width: Pixels, after the rotation that the file asks for.
        height: Pixels, after that rotation.
        codec: FFmpeg's name of the coding format.
        stated_frames: Frames that the container claims, without those that an edit list hides; 0 where it claims none.
        stated_fps: Rate that the container claims, or 0.
        stated_seconds: Duration that the container claims, or 0.
        digest: BLAKE2b of the contents, 16 bytes in hexadecimal; empty where it was not computed.
    """

    path: str
    size: int
    changed: int
    status: Status
    reason: str = ""
    frames: int = 0
    fps: float = 0.0
    seconds: float = 0.0
    width: int = 0
    height: int = 0
    codec: str = ""
    stated_frames: int = 0
    stated_fps: float = 0.0
    stated_seconds: float = 0.0
    digest: str = ""


Columns = dict[str, np.ndarray]
_TYPES = {str: "S", int: "i8", float: "f8"}  # text as UTF-8
_FIELDS = {field.name: field.type if isinstance(field.type, type) else str for field in fields(FileRecord)}


class Manifest:
    """The records of one dataset's folder, kept by column: half a million files take some 100 MB, not a gigabyte.

    Args:
        file: Where the manifest is kept.
        root: The dataset's folder.
        columns: An array for each field of `FileRecord`, rows sorted by path.
    """

    def __init__(self, file: Path, root: Path, columns: Columns):
        self.file = file
        self.root = root
        self._columns = columns
        self._prefix = os.path.join(root, "")
        self._fresh: dict[str, FileRecord] = {}  # added since the last `save`

    @classmethod
    def load(cls, cache: Path, root: Path) -> Self:
        """The manifest of a dataset's folder; an empty one where there is none, or none that this version can use.

        What another version of FFmpeg could not decode is forgotten: this one may.
        """
        file = manifest_file(cache, root)
        return cls(file, root, _load(file) or _columns(()))

    def __len__(self) -> int:
        """Files of which something is known."""
        return len(set(self._columns["path"].tolist()) | {path.encode() for path in self._fresh})

    def known(self, location: str) -> FileRecord | None:
        """The record of the video at a location, unless it has changed since."""
        record = self._find(self.name(location))
        return record if record is not None and stamp_of(whole_of(location)) == (record.size, record.changed) else None

    def hopeless(self, locations: Iterable[str]) -> dict[str, str]:
        """Those of some videos that are known to give no frame, each with the reason."""
        self._merge()
        rows = np.flatnonzero(np.isin(self._columns["status"], [word.encode() for word in HOPELESS]))
        suspects = set(self._columns["path"][rows].tolist())
        found = {}
        for location in locations if suspects else ():
            record = self.known(location) if os.fsencode(self.name(location)) in suspects else None
            if record is not None:
                found[location] = record.reason
        return found

    def add(self, records: Iterable[FileRecord]) -> None:
        """Takes records over, in place of older ones of the same files."""
        self._fresh |= {record.path: record for record in records if record.status != "unreachable"}

    def save(self) -> None:
        """Writes the manifest under a temporary name, then renames it: a reader never sees half of it.

        Raises:
            UserError: The cache cannot be written.
        """
        self._merge()
        facts = {"format": np.array(FORMAT), "ffmpeg": np.array(ffmpeg_version()), "root": np.array(str(self.root))}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.file) as partial, partial.open("wb") as file:
                np.savez_compressed(file, **facts, **self._columns)  # type: ignore[arg-type]
        except OSError as error:
            raise UserError(
                f"what is known of the files cannot be written to {self.file.parent} ({error.strerror}); "
                "point INTERNVIDEO_CACHE to another folder"
            ) from error

    def name(self, location: str) -> str:
        """A video's name in the manifest: relative to the dataset's folder where it lies in it."""
        return whole_of(location).removeprefix(self._prefix)

    def _find(self, name: str) -> FileRecord | None:
        if name in self._fresh:
            return self._fresh[name]
        paths, wanted = self._columns["path"], os.fsencode(name)
        row = int(np.searchsorted(paths, wanted))
        return self._row(row) if row < len(paths) and paths[row] == wanted else None

    def _row(self, row: int) -> FileRecord:
        stored = {name: self._columns[name][row].item() for name in _FIELDS}
        values: dict[str, Any] = {name: os.fsdecode(v) if isinstance(v, bytes) else v for name, v in stored.items()}
        return FileRecord(**values)

    def _merge(self) -> None:
        fresh = _columns(self._fresh.values())
        kept = ~np.isin(self._columns["path"], fresh["path"])
        joined = {name: np.concatenate([self._columns[name][kept], fresh[name]]) for name in _FIELDS}
        order = np.argsort(joined["path"], kind="stable")
        self._columns = {name: column[order] for name, column in joined.items()}
        self._fresh = {}


def manifest_file(cache: Path, root: Path) -> Path:
    """Where the manifest of a dataset's folder is kept: named after the folder and a hash of its whole path."""
    place = os.fsencode(root.resolve())
    return cache / "manifests" / f"{root.resolve().name}-{hashlib.blake2b(place, digest_size=6).hexdigest()}.npz"


def ffmpeg_version() -> str:
    """The decoders' version, upon which it depends what can be decoded."""
    return ".".join(map(str, av.library_versions["libavcodec"]))


def _columns(records: Iterable[FileRecord]) -> Columns:
    records = list(records)
    return {
        name: np.array([_stored(getattr(record, name)) for record in records], dtype=_TYPES[kind])
        for name, kind in _FIELDS.items()
    }


def _stored(value: str | int | float) -> bytes | int | float:
    return os.fsencode(value) if isinstance(value, str) else value


def _load(file: Path) -> Columns | None:
    """The columns of a file; None where there is none or it is not one of ours."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            if stored["format"].item() != FORMAT:
                return None
            columns = {name: stored[name] for name in _FIELDS}
            same_decoder = stored["ffmpeg"].item() == ffmpeg_version()
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    statuses = get_args(Status) if same_decoder else ("sound", "hashed")
    kept = np.isin(columns["status"], [status.encode() for status in statuses])
    return {name: column[kept] for name, column in columns.items()}

"""What a folder of shards says of itself: how it was made, its shards and their checksums, what is not in it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from internvideo_pl.errors import UserError
from internvideo_pl.whole_file import write_whole

MANIFEST, CHECKSUMS = "shards.json", "SHA256SUMS"


@dataclass(frozen=True)
class Record:
    """One finished shard.

    Attributes:
        digest: Of the plan from which it was made, see `plan.Shard`.
        bytes: Size of the archive.
        sha256: Of the archive.
        videos: How many it holds.
        unreadable: Reason by key of those that were to be in it and are not.
    """

    digest: str
    bytes: int
    sha256: str
    videos: int
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass
class Manifest:
    """A folder of shards.

    Attributes:
        dataset: Its name.
        reencode: Settings of `Reencode`; None where the videos are as they were.
        digest: Of the whole plan.
        finished: Whether every shard is there.
        shards: By file name.
        missing: Keys that an official list names and that were not on disk.
    """

    dataset: str
    reencode: dict[str, Any] | None
    digest: str
    finished: bool = False
    shards: dict[str, Record] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def videos(self) -> int:
        """Videos in all shards."""
        return sum(record.videos for record in self.shards.values())

    @property
    def bytes(self) -> int:
        """Bytes of all shards."""
        return sum(record.bytes for record in self.shards.values())

    @property
    def unreadable(self) -> dict[str, str]:
        """Reason by key, over all shards."""
        return {key: reason for record in self.shards.values() for key, reason in record.unreadable.items()}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        UserError: It is not one of ours.
    """
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        shards = {name: Record(**record) for name, record in told.pop("shards").items()}
        return Manifest(**told, shards=shards)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{folder / MANIFEST} cannot be read: {error}; pack into another folder.") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes it, and when it is finished a list of checksums as `sha256sum --check` takes it."""
    if manifest.finished:
        lines = [f"{record.sha256}  {name}\n" for name, record in sorted(manifest.shards.items())]
        write_whole(folder / CHECKSUMS, "".join(lines))
    write_whole(folder / MANIFEST, json.dumps(asdict(manifest), indent=1) + "\n")


def read_record(path: Path) -> Record | None:
    """The record of one shard; None where there is none."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

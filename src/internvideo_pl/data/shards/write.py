"""Packs one shard: every video as it is or encoded anew, each followed by what is known of it."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.shards.manifest import Record, checksum, read_record
from internvideo_pl.data.shards.plan import Shard
from internvideo_pl.data.shards.reencode import Reencode, reencoded, remuxed
from internvideo_pl.data.shards.webdataset import stem_of
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.sources.files import VIDEO_SUFFIXES
from internvideo_pl.video.sources.pictures import PictureFolder
from internvideo_pl.video.sources.remote import open_bytes
from internvideo_pl.video.sources.source import Encoded
from internvideo_pl.video.sources.tar_index import write_index
from internvideo_pl.whole_file import write_whole

RECORD_ENDING = ".json"  # after the shard's own name, without .tar
UNKNOWN_ENDING = ".mkv"  # of a video whose name does not end like one; readers look at the content


def pack_shard(shard: Shard, folder: Path, settings: Reencode | None, done: Callable[[int], None]) -> Record:
    """A shard, made unless it is there whole from the same plan.

    Args:
        shard: What goes in.
        folder: Where the archive, its index and its record go.
        settings: How videos are encoded anew; None leaves them as they are.
        done: Is told after each video how many of the shard are dealt with.

    Raises:
        OSError: The folder cannot be written to.
    """
    record_path = (folder / shard.name).with_suffix(RECORD_ENDING)
    record = read_record(record_path)
    if record and record.digest == shard.digest and _is_whole(folder / shard.name, record):
        done(len(shard.samples))
        return record
    partial = folder / f".{shard.name}.{os.getpid()}.tmp"
    unreadable: dict[str, str] = {}
    with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as archive:
        for number, sample in enumerate(shard.samples, start=1):
            try:
                _add(archive, sample, settings)
            except DecodeError as error:
                unreadable[sample.key] = error.reason
            done(number)
    record = Record(
        digest=shard.digest,
        bytes=partial.stat().st_size,
        sha256=checksum(partial),
        videos=len(shard.samples) - len(unreadable),
        unreadable=unreadable,
    )
    os.replace(partial, folder / shard.name)
    write_index(str(folder / shard.name))
    write_whole(record_path, json.dumps(record.__dict__))  # last: what has a record is whole
    return record


def _is_whole(path: Path, record: Record) -> bool:
    return path.is_file() and path.stat().st_size == record.bytes and checksum(path) == record.sha256


def _add(archive: tarfile.TarFile, sample: Sample, settings: Reencode | None) -> None:
    """Adds a video and its words; nothing of them when the video cannot be read."""
    content, ending = _content(sample.path, settings)
    with content:
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        stem = stem_of(sample.key)
        archive.addfile(_header(stem + ending, size), content)
    words = {"key": sample.key, "label": sample.label, "texts": sample.texts}
    text = json.dumps(words).encode()
    archive.addfile(_header(f"{stem}.json", len(text)), io.BytesIO(text))


def _header(name: str, size: int) -> tarfile.TarInfo:
    """A member's header; no owner and no time, so that the same videos give the same archive."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header


def _content(path: str, settings: Reencode | None) -> tuple[BinaryIO, str]:
    """A video's bytes as they go into the archive, and the ending of their name.

    Raises:
        DecodeError: The video cannot be read; of one that stays as it is, the packets and first frame are looked at.
    """
    if settings:
        return reencoded(path, settings), ".mp4"
    source = open_source(path)
    source.num_frames()
    source.frames([0])
    if isinstance(source, PictureFolder):
        return remuxed(source), ".mov"
    if not isinstance(source, Encoded):
        raise DecodeError(path, "is a part of a video or a single picture, which are packed only re-encoded")
    ending = os.path.splitext(path)[1].lower()
    video = source.video
    content = video.open() if not isinstance(video, str | os.PathLike) else open_bytes(os.fspath(video))
    return content, ending if ending in VIDEO_SUFFIXES else UNKNOWN_ENDING

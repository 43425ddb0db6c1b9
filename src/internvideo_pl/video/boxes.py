"""The tables at the head of an MP4 or QuickTime file that FFmpeg's index leaves out: when each sample is shown.

FFmpeg lists for each sample (one coded picture) its place, decoding time and whether decoding may begin there. What
lies between decoding and showing is in the box `ctts` (ISO/IEC 14496-12, 8.6.1). With it a file is indexed from its
head alone; reading all packets instead reads all bytes of the file.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

HEAD_LIMIT = 256 * 2**20  # bytes of `moov` that are read: a film of ten hours has 20 MB
CONTAINERS = (b"mdia", b"minf", b"stbl")  # the path from a track to its tables


def sample_times(file: BinaryIO, track: int, samples: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Length of each sample of a track, and how much later than decoded it is shown.

    Args:
        file: the whole file, seekable.
        track: number of the track, as FFmpeg's `AVStream.id`.
        samples: how many there should be.

    Returns:
        Two int64 (samples,) in ticks of the track, without what an edit list shifts; None where the file has no such
        tables, or tables for another number of samples.
    """
    for moov in _payloads(file, b"moov"):
        for box in _children(moov, b"trak"):
            header = next(_children(box, b"tkhd"), b"")
            if _track_number(header) != track:
                continue
            for name in CONTAINERS:
                box = next(_children(box, name), b"")
            lengths = _runs(next(_children(box, b"stts"), b""), samples)
            table = next(_children(box, b"ctts"), None)  # there is none where every sample is shown when it is decoded
            offsets = np.zeros(samples, dtype=np.int64) if table is None else _runs(table, samples)
            return None if lengths is None or offsets is None else (lengths, offsets)
    return None


def _payloads(file: BinaryIO, wanted: bytes) -> Iterator[bytes]:
    """Contents of the boxes of one name at the top level of a file."""
    end = file.seek(0, os.SEEK_END)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:  # a long box: its size follows
            size, head = int.from_bytes(file.read(8)), 16
        size = size or end - at  # 0: to the end of the file
        if size < head or at + size > end:
            return
        if name == wanted and size <= HEAD_LIMIT:
            yield file.read(size - head)
        at += size


def _children(box: bytes, wanted: bytes) -> Iterator[bytes]:
    """Contents of the boxes of one name directly inside a box."""
    at = 0
    while at + 8 <= len(box):
        size, name = struct.unpack_from(">I4s", box, at)
        if size < 8 or at + size > len(box):  # nothing inside `moov` is so large that it needs a long box
            return
        if name == wanted:
            yield box[at + 8 : at + size]
        at += size


def _track_number(header: bytes) -> int | None:
    """Number of the track in a `tkhd` box, whose times have 4 bytes each in version 0, 8 in version 1."""
    place = 4 + 2 * (8 if header[:1] == b"\1" else 4)
    return int.from_bytes(header[place : place + 4]) if len(header) >= place + 4 else None


def _runs(table: bytes, samples: int) -> np.ndarray | None:
    """int64 (samples,): the values of a table of runs (number of samples, value of each)."""
    rows = int.from_bytes(table[4:8])
    if len(table) < 8 + 8 * rows or not rows:
        return None
    counts, values = np.frombuffer(table, dtype=">i4", count=2 * rows, offset=8).reshape(rows, 2).T.astype(np.int64)
    if (counts < 0).any() or counts.sum() != samples:
        return None
    return np.repeat(values, counts)

"""The packet index of a video file: which frames it shows, when, and from which key frame each can be decoded.

The index is read by demultiplexing alone (no picture is decoded), which takes milliseconds, and is kept per file.
It counts what a player would show: packets that an edit list discards are left out. Where packets and frames do not
correspond one to one, the index is made by decoding the whole file instead, and the file is read in sequence.
"""

import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import av
import numpy as np

from internvideo_pl.video.faults import DecodeError

# Codecs in which one packet is one shown frame and decoding may begin at any key frame.
SEEKABLE_CODECS = frozenset({"h264", "hevc", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"})
# Each GIF frame paints over the one before, whatever its packet's key flag says: only the first is a true key frame.
CHAINED_CODECS = frozenset({"gif"})
CACHED_FILES = 512  # indices kept per process: 16 bytes a frame, so 2.5 MB for ten-second clips
# The container's mean rate holds while it predicts the frames between first and last to within this many frames, or
# this share of them: Matroska rounds times to milliseconds, and the last frame's own length is not among the times.
RATE_TOLERANCE_FRAMES, RATE_TOLERANCE_SHARE = 1.5, 0.01


@dataclass(frozen=True, eq=False)
class PacketIndex:
    """Where the frames of one video stream lie.

    Attributes:
        codec: FFmpeg's name of the coding format, such as h264.
        fps: frames per second, the container's mean rate where its times agree with it.
        time_base: seconds per tick.
        pts: int64 (N,), time of each shown frame in ticks, ascending.
        packets: int64 (P,), time in ticks of each packet in decoding order, those that are never shown included.
        keys: int64 (K,), positions in `packets` where decoding may begin, ascending; empty where frames were counted
            by decoding, so that the file must be decoded in sequence.
    """

    codec: str
    fps: float
    time_base: Fraction
    pts: np.ndarray
    packets: np.ndarray
    keys: np.ndarray

    @property
    def num_frames(self) -> int:
        """The number of frames that a player would show."""
        return len(self.pts)

    @property
    def seconds(self) -> np.ndarray:
        """float64 (N,): time of each frame in seconds, the first frame at 0."""
        return (self.pts - self.pts[0]) * float(self.time_base)

    def positions(self, pts: np.ndarray) -> np.ndarray:
        """int64 (n,): positions in decoding order of the packets with these times."""
        order = np.argsort(self.packets)
        return order[np.searchsorted(self.packets, pts, sorter=order)]

    def position(self, pts: int | None) -> int | None:
        """Position in decoding order of the packet with this time; None where there is none."""
        found = np.flatnonzero(self.packets == pts)
        return int(found[0]) if len(found) else None

    def starts(self, pts: np.ndarray) -> np.ndarray:
        """int64 (n,): position of the last key packet from which the frames of these times decode exactly.

        A frame that precedes a key frame in time but follows it in decoding order (an open group of pictures) refers
        to frames before that key frame, so it is the key's time that must not exceed the frame's.
        """
        nearest = np.searchsorted(self.packets[self.keys], pts, side="right") - 1
        return np.where(nearest >= 0, self.keys[np.maximum(nearest, 0)], 0)


@contextmanager
def open_video(path: str | os.PathLike) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Opens a file at its best video stream, with one decoding thread.

    One thread: inside data-loader workers more threads cost more processor time per clip than they save.

    Raises:
        DecodeError: whatever FFmpeg finds wrong, then or later inside the `with` block.
    """
    doing = "opened"
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            doing = "decoded"
            stream = container.streams.best("video")
            if not isinstance(stream, av.VideoStream):
                raise DecodeError(path, "holds no video stream")
            if stream.codec_context is None:
                raise DecodeError(path, "holds a video stream that no decoder knows")
            stream.thread_count = 1
            yield container, stream
    except av.FFmpegError as error:
        raise DecodeError(path, f"cannot be {doing}: {(error.strerror or type(error).__name__).lower()}") from error


def index_of(path: str | os.PathLike) -> PacketIndex:
    """The index of a file, from this process's cache while the file is unchanged.

    Raises:
        DecodeError: the file is missing, is no video, shows no frame, or is cut short.
    """
    return _index(*_stamp(path))


def decoded_index_of(path: str | os.PathLike) -> PacketIndex:
    """The index by decoding the whole file, for one whose packets turn out not to be its frames.

    Raises:
        DecodeError: the file does not decode to its end.
    """
    return _decoded_index(*_stamp(path))


def _stamp(path: str | os.PathLike) -> tuple[str, int, int]:
    """A name for this very content: path, size in bytes, time of last change in nanoseconds."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise DecodeError(path, (error.strerror or "cannot be read").lower()) from error
    if stat.S_ISDIR(status.st_mode):
        raise DecodeError(path, "is a folder, not a file")
    if status.st_size == 0:
        raise DecodeError(path, "the file is empty")
    return os.fspath(path), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=CACHED_FILES)
def _index(path: str, size: int, changed: int) -> PacketIndex:
    index, sure = _by_packets(path)
    if index is not None and (sure or _decoded_times(path) == index.pts.tolist()):
        return index
    return _decoded_index(path, size, changed)


@lru_cache(maxsize=CACHED_FILES)
def _decoded_index(path: str, size: int, changed: int) -> PacketIndex:
    """The index by decoding every frame; `size` and `changed` only tell contents apart in the cache."""
    decoded = _decoded_times(path)
    times = [time for time in decoded if time is not None]
    with open_video(path) as (_, stream):
        if len(times) == len(decoded) and all(a < b for a, b in pairwise(times)):
            return _assemble(path, stream, times, [], [], stream.time_base)
        rate = Fraction(stream.average_rate or stream.guessed_rate or 1)
        return _assemble(path, stream, range(len(decoded)), [], [], 1 / rate)


def _decoded_times(path: str) -> list[int | None]:
    """The time of each frame in ticks, in the order in which the decoder gives them."""
    with open_video(path) as (container, stream):
        return [frame.pts for frame in container.decode(stream)]


def _by_packets(path: str) -> tuple[PacketIndex | None, bool]:
    """The index by reading packets alone (None where they cannot stand for frames), and whether its times are sure."""
    with open_video(path) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        if codec not in SEEKABLE_CODECS | CHAINED_CODECS:
            return None, False
        shown, packets, keys = array("q"), array("q"), array("q")  # compact: a film has 200,000 packets
        for packet in container.demux(stream):
            if packet.size == 0:  # the demultiplexer's mark of the end
                continue
            if packet.pts is None:
                return None, False
            if packet.is_corrupt:
                raise DecodeError(path, f"is cut short or damaged in packet {len(packets)}")
            if packet.is_keyframe:
                keys.append(len(packets))
            if not packet.is_discard:
                shown.append(packet.pts)
            packets.append(packet.pts)
        # The table of samples at the head of an MP4 file tells how many packets should have come.
        if container.format.name.startswith("mov") and len(packets) < len(stream.index_entries):
            raise DecodeError(path, f"is cut short: {len(packets)} of {len(stream.index_entries)} packets are there")
        index = _assemble(path, stream, shown, packets, keys[:1] if codec in CHAINED_CODECS else keys, stream.time_base)
        reorders = stream.codec_context.has_b_frames
    in_decoding_order = bool((np.diff(index.packets) > 0).all())
    unique = in_decoding_order or len(np.unique(index.packets)) == len(index.packets)
    if not unique or len(index.keys) == 0 or (np.diff(index.packets[index.keys]) <= 0).any():
        return None, False
    # A decoder that reorders, fed with times that only rise: either nothing is reordered after all, or the container
    # numbers packets and knows nothing of pictures (H.264 in AVI, DivX with two pictures in a packet).
    return index, not (reorders and in_decoding_order)


def _assemble(
    path: str,
    stream: av.VideoStream,
    shown: Sequence[int],
    packets: Sequence[int],
    keys: Sequence[int],
    tick: Fraction | None,
) -> PacketIndex:
    """Puts the counts of one stream together; a tick is in seconds."""
    if not shown:
        raise DecodeError(path, "shows no frame")
    tick = tick or Fraction(1)
    pts = np.sort(np.array(shown, dtype=np.int64))
    named = float(stream.average_rate or 0)
    span = float((pts[-1] - pts[0]) * tick)
    excess = abs(named * span - (len(pts) - 1))
    agrees = excess <= max(RATE_TOLERANCE_FRAMES, RATE_TOLERANCE_SHARE * len(pts))
    fps = named if named and agrees else (len(pts) - 1) / span if span else 1.0
    return PacketIndex(
        codec=stream.codec_context.codec.canonical_name,
        fps=fps,
        time_base=tick,
        pts=pts,
        packets=np.array(packets, dtype=np.int64),
        keys=np.array(keys, dtype=np.int64),
    )

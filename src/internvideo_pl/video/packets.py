"""The packet index of a video file: which frames it shows, when, and from which key frame each can be decoded.

No picture is decoded for it: an MP4 file tells all at its head, other files are demultiplexed once. It is kept per
file. It counts what a player would show: packets that an edit list discards are left out. Where packets and frames do
not correspond one to one, the index is made by decoding the whole file instead, and the file is read in sequence.
"""

import os
from array import array
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise, takewhile

import numpy as np

from internvideo_pl.video.boxes import sample_times
from internvideo_pl.video.container import OpenVideo, Video, name_of, open_video
from internvideo_pl.video.deadline import limited
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.index_cache import IndexCache

# Codecs in which one packet is one shown frame and decoding may begin at any key frame.
SEEKABLE_CODECS = frozenset({"h264", "hevc", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "png"})
# Each GIF frame paints over the one before, whatever its packet's key flag says: only the first is a true key frame.
CHAINED_CODECS = frozenset({"gif"})
_CODECS = SEEKABLE_CODECS | CHAINED_CODECS
# The container's mean rate holds while it predicts the frames between first and last to within this many frames, or
# this share of them: Matroska rounds times to milliseconds, and the last frame's own length is not among the times.
RATE_TOLERANCE_FRAMES, RATE_TOLERANCE_SHARE = 1.5, 0.01
# Frames decoded to see whether a container that keeps times tells the right ones: more than ten seconds, in which an
# encoder that reorders pictures does so.
FRAMES_TRIED = 300
UNTIMED = "avi"  # the container that numbers packets instead


@dataclass(frozen=True, eq=False)
class PacketIndex:
    """Where the frames of one video stream lie.

    Attributes:
        codec: FFmpeg's name of the coding format, such as h264.
        size: height and width as the container has them, which its first frame may belie.
        fps: frames per second, the container's mean rate where its times agree with it.
        time_base: seconds per tick.
        pts: int64 (N,), time of each shown frame in ticks, ascending.
        packets: int64 (P,), time in ticks of each packet in decoding order, those that are never shown included.
        sizes: int32 (P,), bytes of each packet: after a seek, times alone do not prove that it led to the right place.
        keys: int64 (K,), positions in `packets` where decoding may begin, ascending; empty where frames were counted
            by decoding, so that the file must be decoded in sequence.
    """

    codec: str
    size: tuple[int, int]
    fps: float
    time_base: Fraction
    pts: np.ndarray
    packets: np.ndarray
    sizes: np.ndarray
    keys: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes that the index takes: its arrays, and about 1 KB of objects around them."""
        return self.pts.nbytes + self.packets.nbytes + self.sizes.nbytes + self.keys.nbytes + 1024

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


_indices: IndexCache[PacketIndex] = IndexCache()


def index_of(video: Video) -> PacketIndex:
    """The index of a video, from this process's cache while its content is unchanged.

    Raises:
        DecodeError: the file is missing, is no video, shows no frame, or is cut short.
    """
    with limited(name_of(video)):
        return _indices.get("packets", video, _index)


def decoded_index_of(video: Video) -> PacketIndex:
    """The index by decoding the whole video, for one whose packets turn out not to be its frames.

    Raises:
        DecodeError: the video does not decode to its end.
    """
    return _indices.get("frames", video, _decoded_index)


def forget_indices() -> None:
    """Empties the cache."""
    _indices.clear()


def _index(video: Video) -> PacketIndex:
    with open_video(video) as opened:
        index = _by_tables(opened) or _by_packets(opened)
        reorders = opened.stream.codec_context.has_b_frames
        tried = None if opened.container.format.name == UNTIMED else FRAMES_TRIED
    if index is None or not _fit(index):
        return decoded_index_of(video)
    # A decoder that reorders, fed with times that only rise: either nothing is reordered after all, or the container
    # numbers packets and knows nothing of pictures (H.264 in AVI, DivX with two pictures in a packet).
    doubtful = reorders and bool((np.diff(index.packets) > 0).all())
    if doubtful and _decoded_times(video, tried) != index.pts[:tried].tolist():
        return decoded_index_of(video)
    start = index.packets[index.keys[0]]
    if index.keys[0] > 0 or index.pts[0] < start:  # cut out of a longer video; most decoders leave out what is broken
        early = _decoded_times(video, until=int(start))
        if not _ascending(early):
            return decoded_index_of(video)
        index = replace(
            index, pts=index.pts[(index.pts >= start) | np.isin(index.pts, np.array(early, dtype=np.int64))]
        )
    return index


def _ascending(times: list[int | None]) -> bool:
    known = [time for time in times if time is not None]
    return len(known) == len(times) and all(a < b for a, b in pairwise(known))


def _fit(index: PacketIndex) -> bool:
    """Whether packets can be told apart by their times, and key packets come in the order in which they are shown."""
    unique = len(np.unique(index.packets)) == len(index.packets)
    return unique and len(index.keys) > 0 and bool((np.diff(index.packets[index.keys]) > 0).all())


def _decoded_index(video: Video) -> PacketIndex:
    """The index by decoding every frame."""
    times = _decoded_times(video)
    with open_video(video, kept=True) as opened:
        if _ascending(times):
            return _assemble(opened, np.array(times, dtype=np.int64), _NONE, _NONE, _NONE)
        rate = Fraction(opened.stream.average_rate or opened.stream.guessed_rate or 1)
        return _assemble(opened, np.arange(len(times)), _NONE, _NONE, _NONE, 1 / rate)


def _decoded_times(video: Video, count: int | None = None, until: int | None = None) -> list[int | None]:
    """The time of each frame in ticks, in the order in which the decoder gives them.

    Args:
        video: a file, or where else a video lies.
        count: stops after so many frames.
        until: stops before the first frame of this time or a later one.
    """
    with open_video(video) as opened:
        times = (frame.pts for frame in islice(opened.frames(), count))
        return list(takewhile(lambda time: until is None or time is None or time < until, times))


_NONE = np.empty(0, dtype=np.int64)


def _by_tables(opened: OpenVideo) -> PacketIndex | None:
    """The index by the tables at the head of an MP4 file; None where it has none that tell all.

    Raises:
        DecodeError: the file ends before its last packet.
    """
    stream = opened.stream
    if not opened.container.format.name.startswith("mov") or stream.codec_context.codec.canonical_name not in _CODECS:
        return None
    decoded, sizes, ends, flags = array("q"), array("i"), array("q"), bytearray()  # compact: a film has 200,000 samples
    for entry in stream.index_entries:
        decoded.append(entry.timestamp)
        sizes.append(entry.size)
        ends.append(entry.pos + entry.size)
        flags.append(entry.is_keyframe + 2 * entry.is_discard)
    with opened.bytes() as file:
        times = sample_times(file, stream.id, len(decoded))
        size = file.seek(0, os.SEEK_END)
    if times is None or (np.diff(decoded) != times[0][:-1]).any():  # the latter: an edit list moves parts of the video
        return None
    there = int((np.array(ends) <= size).sum())
    if there < len(ends):
        raise DecodeError(opened.name, f"is cut short: {there} of {len(ends)} packets are there")
    first = next(opened.packets(), None)  # FFmpeg may shift all times alike
    if first is None or first.pts is None or first.dts != decoded[0]:
        return None
    offsets, marks = times[1], np.frombuffer(flags, dtype=np.uint8)
    packets = np.array(decoded) + offsets + (first.pts - decoded[0] - offsets[0])
    return _assemble(opened, packets[marks < 2], packets, np.array(sizes), np.flatnonzero(marks % 2))


def _by_packets(opened: OpenVideo) -> PacketIndex | None:
    """The index by reading all packets; None where they cannot stand for frames."""
    codec = opened.stream.codec_context.codec.canonical_name
    if codec not in _CODECS:
        return None
    shown, packets, sizes, keys = array("q"), array("q"), array("i"), array("q")  # compact: a film has 200,000 packets
    for packet in opened.packets():
        if packet.pts is None:
            return None
        if packet.is_corrupt:
            raise DecodeError(opened.name, f"is cut short or damaged in packet {len(packets)}")
        if packet.is_keyframe:
            keys.append(len(packets))
        if not packet.is_discard:
            shown.append(packet.pts)
        packets.append(packet.pts)
        sizes.append(packet.size)
    listed = len(opened.stream.index_entries) if opened.container.format.name.startswith("mov") else 0
    if len(packets) < listed:
        raise DecodeError(opened.name, f"is cut short: {len(packets)} of {listed} packets are there")
    if codec in CHAINED_CODECS:
        keys = keys[:1]
    return _assemble(opened, np.array(shown), np.array(packets), np.array(sizes), np.array(keys, dtype=np.int64))


def _assemble(
    opened: OpenVideo,
    shown: np.ndarray,
    packets: np.ndarray,
    sizes: np.ndarray,
    keys: np.ndarray,
    tick: Fraction | None = None,
) -> PacketIndex:
    """Puts the counts of one stream together; a tick is in seconds, the stream's own if none is given."""
    if not len(shown):
        raise DecodeError(opened.name, "shows no frame")
    tick = tick or opened.stream.time_base or Fraction(1)
    pts = np.sort(shown)
    named = float(opened.stream.average_rate or 0)
    span = float(int(pts[-1] - pts[0]) * tick)
    excess = abs(named * span - (len(pts) - 1))
    agrees = excess <= max(RATE_TOLERANCE_FRAMES, RATE_TOLERANCE_SHARE * len(pts))
    fps = named if named and agrees else (len(pts) - 1) / span if span else 1.0
    codec = opened.stream.codec_context.codec.canonical_name
    return PacketIndex(codec, opened.size, fps, tick, pts, packets, sizes, keys)

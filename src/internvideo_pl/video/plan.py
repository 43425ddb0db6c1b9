"""The short way to a few frames: what to seek to, which packets to feed, which pictures to drop.

Frames are told apart by their times, never by counting, so a plan that does not come true shows: frames are missing.
"""

from collections.abc import Iterator
from itertools import chain

import av
import numpy as np

from internvideo_pl.video.container import OpenVideo, Video, open_video
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.packets import PacketIndex
from internvideo_pl.video.picture import Canvas

# Codecs whose unreferenced pictures can be dropped without touching any other. Not HEVC by itself: a picture that its
# own temporal layer does not refer to may still serve a higher layer (sub-layer non-reference pictures of H.265).
DROPPABLE_CODECS = frozenset({"h264", "mpeg4", "mpeg2video", "mpeg1video"})
# Key frames tried when a seek lands behind the one asked for (containers seek by decoding time, not by shown time).
SEEK_ATTEMPTS = 4

Slots = dict[int, np.ndarray]  # time of a frame in ticks -> its places on the canvas


def read_by_plan(video: Video, index: PacketIndex, slots: Slots, canvas: Canvas, drop_hevc: bool) -> bool:
    """Puts frames on a canvas, decoding as little as possible.

    Args:
        video: a file, or where else a video lies.
        index: its index, with key packets.
        slots: the frames that are wanted, and where they go.
        canvas: an empty one.
        drop_hevc: also drops unreferenced pictures of H.265.

    Returns:
        Whether every frame came out sound; if not, decoding in sequence tells what is at fault.
    """
    drop = index.codec in DROPPABLE_CODECS or (drop_hevc and index.codec == "hevc")
    runs = _runs(index, np.fromiter(slots, dtype=np.int64))
    for seek in (True, False):  # after a seek some containers (AVI) number their packets otherwise
        try:
            with open_video(video, kept=seek) as opened:
                here = 0 if opened.at_start else None  # position of the packet that comes next
                for first, last in runs:
                    packets = _packets(opened, index, here, first, last, seek)
                    _decode(opened, packets, int(index.packets[first]), slots, canvas, drop)
                    here = last + 1
        except DecodeError:
            continue
        if not canvas.missing:
            return True
    return False


def _runs(index: PacketIndex, pts: np.ndarray) -> list[tuple[int, int]]:
    """Stretches (first, last) of packet positions to decode; each begins at a key packet, and none overlap."""
    runs: list[tuple[int, int]] = []
    for first, last in sorted(zip(index.starts(pts).tolist(), index.positions(pts).tolist(), strict=True)):
        if runs and first <= runs[-1][1]:
            runs[-1] = runs[-1][0], max(last, runs[-1][1])
        else:
            runs.append((first, last))
    return runs


def _packets(
    opened: OpenVideo, index: PacketIndex, here: int | None, first: int, last: int, seek: bool
) -> Iterator[av.Packet]:
    """The packets at positions `first` to `last`, each compared with what the index says of it.

    Raises:
        DecodeError: no seek leads to them, or other packets come.
    """
    packets, at = opened.packets(), here
    if at is None or (seek and at < first):
        packets, at = _seek(opened, index, first)
    for place, packet in zip(range(at, last + 1), packets, strict=False):
        if packet.pts != index.packets[place] or packet.size != index.sizes[place]:
            raise DecodeError(opened.name, f"packet {place} is another after a seek")
        if place >= first:
            yield packet


def _seek(opened: OpenVideo, index: PacketIndex, first: int) -> tuple[Iterator[av.Packet], int]:
    """Packets from some place at or before position `first`, and the position of that place."""
    for key in index.keys[index.keys <= first][: -SEEK_ATTEMPTS - 1 : -1]:
        opened.container.seek(int(index.packets[key]), stream=opened.stream)
        packets = opened.packets()
        head = next(packets, None)
        landed = index.position(head.pts) if head else None
        if head and landed is not None and landed <= first:
            return chain([head], packets), landed
    raise DecodeError(opened.name, "cannot be sought in")


def _decode(
    opened: OpenVideo, packets: Iterator[av.Packet], start: int, slots: Slots, canvas: Canvas, drop: bool
) -> None:
    """Decodes a run that begins at a key packet of time `start`, and puts what is wanted of it on the canvas."""
    for frame in _decode_run(opened.stream, packets, slots, drop):
        if frame.pts is None or frame.pts < start:
            continue  # a picture before the key frame, which lacks what it refers to
        if frame.is_corrupt:  # what follows in its group refers to it, and is not marked
            raise DecodeError(opened.name, f"the frame at tick {frame.pts} is damaged")
        if frame.pts in slots:
            canvas.add(slots[frame.pts], frame)


def _decode_run(
    stream: av.VideoStream, packets: Iterator[av.Packet], wanted: Slots, drop: bool
) -> Iterator[av.VideoFrame]:
    """All frames of a run; at its end the decoder is emptied, as it holds frames back to reorder them."""
    context = stream.codec_context
    context.flush_buffers()
    context.skip_frame = "DEFAULT"
    for packet in packets:
        if drop:
            context.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
        yield from stream.decode(packet)
    yield from stream.decode(None)

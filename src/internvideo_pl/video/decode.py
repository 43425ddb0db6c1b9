"""Frames out of a video file, by number or by time, decoding as little as possible.

Frames are numbered as a player would show them. A read plans from the packet index: it seeks to the key frame below the
first wanted frame, decodes with one thread, lets the decoder drop every picture that is neither wanted nor referred to,
converts wanted frames alone, and jumps when the next wanted frame lies in a later group of pictures. What comes out
equals a full decode in sequence bit for bit; a file that does not allow the short way is decoded in sequence.
"""

import os
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import av
import numpy as np
import torch
from av.container import InputContainer
from torch import Tensor

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.packets import PacketIndex, decoded_index_of, index_of, open_video
from internvideo_pl.video.picture import Canvas

__all__ = ["DecodeError", "VideoInfo", "check", "frame_times", "num_frames", "probe", "read_frames", "read_timestamps"]

# Codecs whose unreferenced pictures can be dropped without touching any other. Not HEVC by itself: a picture that its
# own temporal layer does not refer to may still serve a higher layer (sub-layer non-reference pictures of H.265).
DROPPABLE_CODECS = frozenset({"h264", "mpeg4", "mpeg2video", "mpeg1video"})
# Key frames tried when a seek lands behind the one asked for (containers seek by decoding time, not by shown time).
SEEK_ATTEMPTS = 4
# Forgives times that were rounded on their way through a text file, seconds.
TIME_SLACK = 5e-7


@dataclass(frozen=True)
class VideoInfo:
    """What a file shows.

    Attributes:
        num_frames: shown frames.
        fps: mean frames per second.
        duration: seconds.
        width: pixels, after the rotation that the file asks for.
        height: pixels, after that rotation.
        codec: FFmpeg's name of the coding format.
    """

    num_frames: int
    fps: float
    duration: float
    width: int
    height: int
    codec: str


def probe(path: str | os.PathLike) -> VideoInfo:
    """What a file shows. Decodes its first frame, since only that tells the rotation; `num_frames` is quicker.

    Raises:
        DecodeError: the file gives no frames.
    """
    index = index_of(path)
    height, width = read_frames(path, [0]).shape[1:3]
    duration = float(index.seconds[-1]) + 1 / index.fps
    return VideoInfo(index.num_frames, index.fps, duration, width, height, index.codec)


def num_frames(path: str | os.PathLike) -> int:
    """How many frames a file shows, without decoding any.

    Raises:
        DecodeError: the file gives no frames.
    """
    return index_of(path).num_frames


def frame_times(path: str | os.PathLike) -> np.ndarray:
    """float64 (N,): seconds at which each frame is shown, the first at 0.

    Raises:
        DecodeError: the file gives no frames.
    """
    return index_of(path).seconds


def read_timestamps(path: str | os.PathLike, seconds: Sequence[float], short_side: int | None = None) -> Tensor:
    """The frames on show at the given times, counted from the first frame; times outside get the nearest end.

    Returns:
        uint8 (T, H, W, 3), RGB.

    Raises:
        DecodeError: the file gives no frames, or not all of these.
    """
    times = frame_times(path)
    on_show = np.searchsorted(times, np.asarray(seconds, dtype=np.float64) + TIME_SLACK, side="right") - 1
    return read_frames(path, on_show.clip(0).tolist(), short_side)


def read_frames(
    path: str | os.PathLike, indices: Sequence[int], short_side: int | None = None, drop_hevc: bool = False
) -> Tensor:
    """The frames of the given numbers, in the given order; numbers may repeat.

    Args:
        path: a video file.
        indices: frame numbers, from 0.
        short_side: scales the shorter side to this many pixels, keeping the shape, bilinear.
        drop_hevc: also drops unreferenced pictures of H.265, which is exact for streams without temporal layers.

    Returns:
        uint8 (T, H, W, 3), RGB.

    Raises:
        DecodeError: the file gives no frames, or not all of these.
        IndexError: a number that no frame has, or no number at all.
    """
    index = index_of(path)
    outside = [int(i) for i in indices if not 0 <= i < index.num_frames]
    if outside or len(indices) == 0:
        raise IndexError(f"{path} has frames 0 to {index.num_frames - 1}; asked for {outside or 'none'}")
    wanted, slots = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
    frames = _by_plan(path, index, wanted, short_side, drop_hevc) if len(index.keys) else None
    if frames is None:
        frames = _in_sequence(path, index, wanted, short_side)
    in_order = len(slots) == len(wanted) and bool((np.diff(slots) > 0).all())
    return frames if in_order else frames[torch.from_numpy(slots)]


def check(path: str | os.PathLike) -> None:
    """Decodes a whole file for its faults alone.

    Raises:
        DecodeError: the file gives no frames, or not all of them sound.
    """
    index_of(path)
    with open_video(path) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            if frame.is_corrupt:
                raise DecodeError(path, f"frame {number} is damaged")


def _by_plan(
    path: str | os.PathLike, index: PacketIndex, wanted: np.ndarray, short_side: int | None, drop_hevc: bool
) -> Tensor | None:
    """Reads the short way; None where not every frame comes out sound. `wanted` is ascending."""
    drop = index.codec in DROPPABLE_CODECS or (drop_hevc and index.codec == "hevc")
    for seek in (True, False):  # after a seek some containers (AVI) number their packets otherwise
        canvas = Canvas(len(wanted), short_side)
        try:
            _decode_runs(path, index, index.pts[wanted], canvas, seek, drop)
        except DecodeError:
            continue  # decoding in sequence will tell whether the file or the plan was at fault
        if not canvas.missing:
            return canvas.frames()
    return None


def _decode_runs(
    path: str | os.PathLike, index: PacketIndex, pts: np.ndarray, canvas: Canvas, seek: bool, drop: bool
) -> None:
    """Puts the frames of these times on the canvas, as far as they come out as planned."""
    slots = {int(time): slot for slot, time in enumerate(pts)}
    with open_video(path) as (container, stream):
        here = 0  # position of the packet that comes next
        for first, last in _runs(index, pts):
            packets = _packets(container, stream, index, here, first, last, seek)
            for frame in _decode_run(stream, packets, slots, drop):
                if frame.pts is None or frame.pts < index.packets[first]:
                    continue  # a picture before the key frame, which lacks what it refers to
                if frame.is_corrupt:  # what follows in its group refers to it, and is not marked
                    raise DecodeError(path, f"the frame at tick {frame.pts} is damaged")
                if frame.pts in slots:
                    canvas.add(slots[frame.pts], frame)
            here = last + 1


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
    container: InputContainer, stream: av.VideoStream, index: PacketIndex, here: int, first: int, last: int, seek: bool
) -> Iterator[av.Packet]:
    """The packets at positions `first` to `last`; none where a seek does not lead to them."""
    if not seek or first == here:
        return islice(container.demux(stream), first - here, last + 1 - here)
    for key in index.keys[index.keys <= first][: -SEEK_ATTEMPTS - 1 : -1]:
        container.seek(int(index.packets[key]), stream=stream)
        packets = container.demux(stream)
        head = next(packets, None)
        landed = index.position(head.pts) if head else None
        if head and landed is not None and landed <= first:
            return islice(chain([head], packets), first - landed, last + 1 - landed)
    return iter(())


def _decode_run(
    stream: av.VideoStream, packets: Iterator[av.Packet], wanted: Container[int], drop: bool
) -> Iterator[av.VideoFrame]:
    """Decodes a run that begins at a key packet, then empties the decoder, which holds frames back to reorder them."""
    stream.codec_context.flush_buffers()
    for packet in packets:
        if packet.size == 0:  # the demultiplexer's mark of the end
            break
        if drop:
            stream.codec_context.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
        yield from stream.decode(packet)
    yield from stream.decode(None)


def _in_sequence(path: str | os.PathLike, index: PacketIndex, wanted: np.ndarray, short_side: int | None) -> Tensor:
    """Reads by decoding from the start, the sure way. `wanted` is ascending."""
    counted = decoded_index_of(path)
    if counted.num_frames != index.num_frames:  # then it is the time that tells which frame was meant
        wanted = (np.searchsorted(counted.pts, index.pts[wanted], side="right") - 1).clip(0)
    wanted, slots = np.unique(wanted, return_inverse=True)
    canvas = Canvas(len(wanted), short_side)
    with open_video(path) as (container, stream):
        slot_of = {int(number): slot for slot, number in enumerate(wanted)}
        for number, frame in enumerate(islice(container.decode(stream), int(wanted[-1]) + 1)):
            if frame.is_corrupt:
                raise DecodeError(path, f"frame {number} is damaged")
            if number in slot_of:
                canvas.add(slot_of[number], frame)
    if canvas.missing:
        raise DecodeError(path, f"ends before frame {wanted[-1]}")
    return canvas.frames()[torch.from_numpy(slots)]

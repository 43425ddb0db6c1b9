"""Frames out of a video file, by number or by time, decoding as little as possible.

Frames are numbered as a player would show them. A read plans from the packet index: it seeks to the key frame below the
first wanted frame, decodes with one thread, lets the decoder drop every picture that is neither wanted nor referred to,
converts wanted frames alone, and jumps when the next wanted frame lies in a later group of pictures. What comes out
equals a full decode in sequence bit for bit; a file that does not allow the short way is decoded in sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from torch import Tensor

from internvideo_pl.video.container import Video, VideoSource, close_kept, name_of, open_video
from internvideo_pl.video.deadline import limited
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.packets import PacketIndex, decoded_index_of, forget_indices, index_of
from internvideo_pl.video.picture import Canvas, Size, SizeError
from internvideo_pl.video.plan import read_by_plan

__all__ = [
    "DecodeError",
    "Video",
    "VideoInfo",
    "VideoSource",
    "check",
    "forget",
    "frame_times",
    "num_frames",
    "probe",
    "read_frames",
    "read_timestamps",
]

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


def probe(video: Video) -> VideoInfo:
    """What a video shows. Decodes its first frame, since only that tells the rotation; `num_frames` is quicker.

    Raises:
        DecodeError: the file gives no frames.
    """
    index = index_of(video)
    height, width = read_frames(video, [0]).shape[1:3]
    duration = float(index.seconds[-1]) + 1 / index.fps
    return VideoInfo(index.num_frames, index.fps, duration, width, height, index.codec)


def num_frames(video: Video) -> int:
    """How many frames a video shows, without decoding any.

    Raises:
        DecodeError: the file gives no frames.
    """
    return index_of(video).num_frames


def frame_times(video: Video) -> np.ndarray:
    """float64 (N,): seconds at which each frame is shown, the first at 0.

    Raises:
        DecodeError: the file gives no frames.
    """
    return index_of(video).seconds


def read_timestamps(video: Video, seconds: Sequence[float], short_side: int | None = None) -> Tensor:
    """The frames on show at the given times, counted from the first frame; times outside get the nearest end.

    Returns:
        uint8 (T, H, W, 3), RGB.

    Raises:
        DecodeError: the file gives no frames, or not all of these.
    """
    times = frame_times(video)
    on_show = np.searchsorted(times, np.asarray(seconds, dtype=np.float64) + TIME_SLACK, side="right") - 1
    return read_frames(video, on_show.clip(0).tolist(), short_side)


def read_frames(video: Video, indices: Sequence[int], short_side: int | None = None, drop_hevc: bool = False) -> Tensor:
    """The frames of the given numbers, in the given order; numbers may repeat.

    Several clips or views of one video cost one pass when they are asked for in one call.

    Args:
        video: a file, or where else a video lies.
        indices: frame numbers, from 0.
        short_side: scales the shorter side to this many pixels, keeping the shape, bilinear.
        drop_hevc: also drops unreferenced pictures of H.265, which is exact for streams without temporal layers.

    Returns:
        uint8 (T, H, W, 3), RGB.

    Raises:
        DecodeError: the file gives no frames, or not all of these, or takes too long.
        IndexError: a number that no frame has, or no number at all.
    """
    index = index_of(video)
    numbers = np.asarray(indices, dtype=np.int64)
    outside = numbers[(numbers < 0) | (numbers >= index.num_frames)].tolist()
    if outside or not len(numbers):
        raise IndexError(f"{name_of(video)} has frames 0 to {index.num_frames - 1}; asked for {outside or 'none'}")
    with limited(name_of(video)):
        try:
            return _read(video, index, numbers, Canvas(len(numbers), short_side, expected=index.size), drop_hevc)
        except SizeError:  # the container's word was wrong, or the size changes on the way
            return _read(video, index, numbers, Canvas(len(numbers), short_side, _first_size(video)), drop_hevc)


def check(video: Video) -> None:
    """Decodes a whole video for its faults alone.

    Raises:
        DecodeError: the file gives no frames, or not all of them sound, or takes too long.
    """
    index_of(video)
    with limited(name_of(video)), open_video(video) as opened:
        for number, frame in enumerate(opened.frames()):
            if frame.is_corrupt:
                raise DecodeError(opened.name, f"frame {number} is damaged")


def forget() -> None:
    """Drops what is kept of videos that were read: their indices, and the one that this thread left open."""
    forget_indices()
    close_kept()


def _read(video: Video, index: PacketIndex, numbers: np.ndarray, canvas: Canvas, drop_hevc: bool) -> Tensor:
    """The frames of these numbers, by whichever way is the shortest that is sure."""
    slots = {int(index.pts[number]): np.flatnonzero(numbers == number) for number in np.unique(numbers)}
    if not (len(index.keys) and read_by_plan(video, index, slots, canvas, drop_hevc)):
        _in_sequence(video, index, numbers, canvas)
    return canvas.frames()


def _in_sequence(video: Video, index: PacketIndex, numbers: np.ndarray, canvas: Canvas) -> None:
    """Reads by decoding from the start, the sure way."""
    counted = decoded_index_of(video)
    if counted.num_frames != index.num_frames:  # then it is the time that tells which frame was meant
        numbers = (np.searchsorted(counted.pts, index.pts[numbers], side="right") - 1).clip(0)
    slots = {int(number): np.flatnonzero(numbers == number) for number in np.unique(numbers)}
    with open_video(video) as opened:
        for number, frame in enumerate(islice(opened.frames(), int(numbers.max()) + 1)):
            if frame.is_corrupt:
                raise DecodeError(opened.name, f"frame {number} is damaged")
            if number in slots:
                canvas.add(slots[number], frame)
    if canvas.missing:
        raise DecodeError(name_of(video), f"ends before frame {numbers.max()}")


def _first_size(video: Video) -> Size:
    """Height and width of a video's first frame, as coded."""
    with open_video(video) as opened:
        first = next(opened.frames())
        return first.height, first.width

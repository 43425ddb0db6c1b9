"""Videos re-encoded small, so that a clip at any place is decoded in a fraction of the time.

What training reads is a few small frames from anywhere. So frames are scaled once, key frames are frequent, and between
two of them stand pictures that nothing refers to, which the reader leaves out unless they are wanted.
"""

import io
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import Source, open_source
from internvideo_pl.video.sources.pictures import PictureFolder, codec_of
from internvideo_pl.whole_file import replacing

TICKS = 90_000  # a second, the time base of MPEG systems: 1/24, 1/25, 1/30 and 1/60 s are whole numbers of them
CHUNK = 256  # frames in memory at a time: 90 MB at 456 x 256
PICTURES_PER_SECOND = 12  # Something-Something V1's rate: pictures do not tell their own


@dataclass(frozen=True)
class Reencode:
    """How small, and how often a key frame.

    Attributes:
        size: Short side in pixels; smaller videos keep theirs. 256 is what training reads (`data.short_side`).
        gop: Frames from one key frame to the next.
        crf: x264's quality scale, lower is better; 23 is x264's default.
        b_frames: Pictures between two others to which nothing refers.
    """

    size: int = 256
    gop: int = 12
    crf: int = 23
    b_frames: int = 3

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: A number is out of range.
        """
        ranges = {"size": (16, 8192), "gop": (1, 1000), "crf": (0, 51), "b_frames": (0, 16)}
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise UserError(f"{name.upper()}={getattr(self, name)} must be from {least} to {most}")

    def options(self) -> dict[str, str]:
        """Options of x264. `fastdecode` leaves out the filters and the entropy coder that cost a decoder most."""
        structure = {
            "keyint": self.gop,
            "min-keyint": self.gop,
            "scenecut": 0,
            "open-gop": 0,
            "bframes": self.b_frames,
            "b-adapt": 0,
            "b-pyramid": "none",  # no B picture refers to another, so that each can be left out
            "mbtree": 0,  # with it, the bytes differ from run to run on some processors
        }
        parameters = ":".join(f"{name}={value}" for name, value in structure.items())
        return {"preset": "fast", "tune": "fastdecode", "crf": str(self.crf), "x264-params": parameters}


def reencode(location: str | os.PathLike, to: str | os.PathLike, settings: Reencode | None = None) -> None:
    """Writes a small H.264 mp4 of a video, whole or not at all, with the same number of frames at the same times.

    Args:
        location: The video, wherever it lies.
        to: The file to write.
        settings: The defaults when not given.

    Raises:
        DecodeError: The video cannot be read to its end.
    """
    to = Path(to)
    with replacing(to) as partial:
        partial.write_bytes(reencoded(location, settings or Reencode()).getbuffer())


def reencoded(location: str | os.PathLike, settings: Reencode) -> io.BytesIO:
    """The bytes that `reencode` writes; upright RGB as the reader gives it is what is encoded.

    Raises:
        DecodeError: The video cannot be read to its end.
    """
    source = open_source(location)
    count = source.num_frames()
    ticks = np.rint(_seconds(source, count) * TICKS).astype(np.int64)
    short_side = min(settings.size, *source.frames([0]).shape[1:3])
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=_rate(ticks), options=settings.options())
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.thread_count = 1  # the processes are as many as the cores
        stream.pix_fmt = "yuv420p"
        for first in range(0, count, CHUNK):
            numbers = range(first, min(first + CHUNK, count))
            frames = source.frames(numbers, short_side).numpy()
            height, width = (side // 2 * 2 for side in frames.shape[1:3])  # 4:2:0 has even sides
            if first == 0:
                stream.height, stream.width = height, width
            for number, pixels in zip(numbers, frames, strict=True):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
                frame.pts, frame.time_base = int(ticks[number]), Fraction(1, TICKS)
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def remuxed(folder: PictureFolder) -> io.BytesIO:
    """A folder of pictures as one file, each picture's bytes a frame, so that the pixels stay the same.

    Raises:
        DecodeError: A picture is missing or damaged, or they are not all of one kind.
    """
    codecs = {codec_of(picture) for picture in folder.pictures}
    if len(codecs) > 1:
        raise DecodeError(folder.name, "holds both JPEG and PNG pictures, which no one file can; re-encode it")
    height, width = folder.frames([0]).shape[1:3]
    file = io.BytesIO()
    with av.open(file, "w", format="mov", options={"fflags": "+bitexact"}) as container:
        stream = container.add_mux_stream(codecs.pop(), rate=PICTURES_PER_SECOND, width=width, height=height)
        stream.time_base = Fraction(1, PICTURES_PER_SECOND)
        for number, picture in enumerate(folder.pictures):
            packet = av.Packet(folder.read(picture))
            packet.stream, packet.time_base = stream, stream.time_base
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, True
            container.mux(packet)
    file.seek(0)
    return file


def _seconds(source: Source, count: int) -> np.ndarray:
    return np.arange(count) / PICTURES_PER_SECOND if isinstance(source, PictureFolder) else source.times()


def _rate(ticks: np.ndarray) -> Fraction:
    """Mean frames a second, which x264 uses to spread its bits."""
    span = int(ticks[-1] - ticks[0])
    return Fraction((len(ticks) - 1) * TICKS, span).limit_denominator(1001) if span else Fraction(25)

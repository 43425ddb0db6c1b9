"""A single picture as a video of one frame: a file, or a member of a tar shard."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
from torch import Tensor

from internvideo_pl.video.deadline import check_deadline
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.picture import Canvas
from internvideo_pl.video.sources.pictures import STRICT, codec_of, is_cut_short
from internvideo_pl.video.sources.tar import TarMember, is_member

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Still:
    """One picture; the same scaling call as that of videos.

    Attributes:
        location: A file or a tar member.
    """

    location: str

    @property
    def name(self) -> str:
        """Its location."""
        return self.location

    def num_frames(self) -> int:
        """One; nothing is opened."""
        return 1

    def frames(self, indices: Sequence[int], short_side: int | None = None) -> Tensor:
        """See `Source`.

        Raises:
            DecodeError: The picture is missing or damaged.
            IndexError: Another number than 0, or no number at all.
        """
        if len(indices) == 0 or any(int(i) for i in indices):
            raise IndexError(f"{self.location} has frame 0 alone; asked for {list(indices) or 'none'}")
        canvas = Canvas(1, short_side)
        canvas.add(0, self._decode())
        return canvas.frames()[[0] * len(indices)]

    def times(self) -> np.ndarray:
        """The one frame is shown at 0."""
        return np.zeros(1)

    def check(self) -> None:
        """Decodes the picture."""
        self._decode()

    def _decode(self) -> av.VideoFrame:
        check_deadline()
        codec = codec_of(self.location)
        packet = av.Packet(self._read(codec))
        packet.is_keyframe = True
        context = av.CodecContext.create(codec, "r")
        assert isinstance(context, av.VideoCodecContext)
        context.thread_count = 1  # with more, the picture would come out of a later call
        context.options = STRICT
        try:
            frames = context.decode(packet)
        except av.FFmpegError as error:
            raise DecodeError(self.location, f"cannot be decoded: {error.strerror}".lower()) from error
        if not frames:
            raise DecodeError(self.location, "gives no frame")
        return frames[0]

    def _read(self, codec: str) -> bytes:
        try:
            if is_member(self.location):
                with TarMember.at(self.location).open() as file:
                    data = file.read()
            else:
                with open(self.location, "rb") as file:
                    data = file.read()
        except OSError as error:
            raise DecodeError(self.location, (error.strerror or "cannot be read").lower()) from error
        if is_cut_short(data, codec):
            raise DecodeError(self.location, "is cut short" if data else "is empty")
        return data


def is_still(location: str) -> bool:
    """Whether a location names a single picture, by its ending."""
    return os.path.splitext(location)[1].lower() in PICTURE_SUFFIXES

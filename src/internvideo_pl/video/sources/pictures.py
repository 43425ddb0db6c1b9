"""A video as a folder of JPEG or PNG pictures, one a frame, as Something-Something V1 ships them."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import av
import numpy as np
import torch
from torch import Tensor

from internvideo_pl.video.deadline import check_deadline
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.picture import Canvas

CODECS = {"jpg": "mjpeg", "jpeg": "mjpeg", "png": "png", "webp": "webp"}  # ending -> FFmpeg's decoder
# 00001.jpg (Something-Something V1), img_00001.jpg (TSN's extraction), frame_0000000001.jpg (EPIC-Kitchens)
FRAME_NAME = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)\.(?P<ending>jpg|jpeg|png)", re.IGNORECASE)
# Without it FFmpeg fills what is missing of a picture with grey and says nothing.
STRICT = {"err_detect": "explode+crccheck"}
JPEG_END, JPEG_SCAN = b"\xff\xd9", b"\xff\xda"  # markers; neither can occur in a scan's own bytes


@dataclass(frozen=True)
class PictureFolder:
    """Numbered pictures; the first may have number 1 (the habit) or 0, and no number may be left out.

    JPEGs go through FFmpeg's decoder and the one scaling call that videos go through, so that a folder of pictures and
    a file of the same pictures give the same pixels.

    Attributes:
        folder: Where they lie. Other files in it, such as sound, are ignored.
    """

    folder: str

    @property
    def name(self) -> str:
        """The folder."""
        return self.folder

    def num_frames(self) -> int:
        """Pictures in the folder.

        Raises:
            DecodeError: There is none, or one is missing.
        """
        return len(self.pictures)

    def frames(self, indices: Sequence[int], short_side: int | None = None) -> Tensor:
        """See `Source`; only the pictures that are asked for are opened.

        Raises:
            DecodeError: A picture is missing or damaged.
            IndexError: A number that no frame has, or no number at all.
        """
        outside = [int(i) for i in indices if not 0 <= i < len(self.pictures)]
        if outside or len(indices) == 0:
            raise IndexError(f"{self.folder} has frames 0 to {len(self.pictures) - 1}; asked for {outside or 'none'}")
        wanted, slots = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
        canvas, decoders = Canvas(len(wanted), short_side), _Decoders()
        for slot, number in enumerate(wanted):
            canvas.add(slot, self._decode(self.pictures[number], decoders))
        return canvas.frames()[torch.from_numpy(slots)]

    def times(self) -> np.ndarray:
        """Pictures carry no times.

        Raises:
            DecodeError: Always.
        """
        raise DecodeError(self.folder, "is a folder of pictures, which do not tell their times")

    def check(self) -> None:
        """Decodes every picture.

        Raises:
            DecodeError: One is missing or damaged.
        """
        decoders = _Decoders()
        for picture in self.pictures:
            self._decode(picture, decoders)

    def read(self, picture: str) -> bytes:
        """The bytes of one picture of `pictures`.

        Raises:
            DecodeError: It cannot be read, or is cut short.
        """
        try:
            with open(os.path.join(self.folder, picture), "rb") as file:
                data = file.read()
        except OSError as error:
            raise DecodeError(self.folder, f"{picture}: {(error.strerror or 'cannot be read').lower()}") from error
        if is_cut_short(data, codec_of(picture)):
            raise DecodeError(self.folder, f"{picture} is {'cut short' if data else 'empty'}")
        return data

    @cached_property
    def pictures(self) -> list[str]:
        """File names in the order of their numbers.

        Raises:
            DecodeError: There is none, a number is missing, or two pictures have the same.
        """
        try:
            found = [match for name in os.listdir(self.folder) if (match := FRAME_NAME.fullmatch(name))]
        except OSError as error:
            raise DecodeError(self.folder, (error.strerror or "cannot be read").lower()) from error
        shown = [match for match in found if not match.string.startswith(".")]
        if not shown:
            raise DecodeError(self.folder, "holds no pictures (jpg, jpeg, png) with numbers as names")
        numbered = sorted((int(match["number"]), match.string) for match in shown)
        for expected, (number, name) in enumerate(numbered, start=min(numbered[0][0], 1)):
            if number > expected:
                raise DecodeError(self.folder, f"lacks frame {_named(shown[0], expected)}")
            if number < expected:
                raise DecodeError(self.folder, f"has two frames {number}, one of them {name}")
        return [name for _, name in numbered]

    def _decode(self, picture: str, decoders: "_Decoders") -> av.VideoFrame:
        check_deadline()
        packet = av.Packet(self.read(picture))
        packet.is_keyframe = True  # FFmpeg adds any other PNG to the one before it
        try:
            frames = decoders.of(codec_of(picture)).decode(packet)
        except av.FFmpegError as error:
            raise DecodeError(self.folder, f"{picture} cannot be decoded: {error.strerror}".lower()) from error
        if not frames:
            raise DecodeError(self.folder, f"{picture} gives no frame")
        return frames[0]


class _Decoders:
    """One decoder a format, kept for the pictures of one read."""

    def __init__(self) -> None:
        self.opened: dict[str, av.VideoCodecContext] = {}

    def of(self, codec: str) -> av.VideoCodecContext:
        if codec not in self.opened:
            context = cast(av.VideoCodecContext, av.CodecContext.create(codec, "r"))
            context.thread_count = 1  # with more, a picture would come out several calls later
            context.options = STRICT
            self.opened[codec] = context
        return self.opened[codec]


def codec_of(picture: str) -> str:
    """FFmpeg's decoder of a picture, by its name."""
    return CODECS[picture.rpartition(".")[2].lower()]


def is_cut_short(data: bytes, codec: str) -> bool:
    """Whether there is nothing, or a JPEG without its end, of which the decoder forgives the last bytes."""
    return not data or (codec == "mjpeg" and data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN))


def _named(sample: re.Match[str], number: int) -> str:
    """The name that the frame of this number would have beside `sample`."""
    return f"{sample['prefix']}{number:0{len(sample['number'])}d}.{sample['ending']}"

"""From a location to frames: one word says where a video is, whatever holds it.

A location is a string:
    folder/abc.mp4                  a file
    folder/abc.jpg                  a picture, as a video of one frame; a shard's too
    folder/abc                      a folder of pictures, 00001.jpg and on
    folder/shard-00003.tar#abc.mp4  a member of a tar shard
    s3://bucket/abc.mp4             a URL of any scheme that fsspec knows; copied into a bounded cache, then read
    range+s3://bucket/film.mp4      the same, read in place, piece by piece
    film.mp4#t=12.5,17              any of these, from second 12.5 to before second 17
A shard may itself lie behind a URL. `DecodeError.path` and ledgers name a video by its location, letter for letter.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from internvideo_pl.video.container import Video, name_of
from internvideo_pl.video.decode import check, frame_times, num_frames, read_frames
from internvideo_pl.video.sources.excerpt import Excerpt, is_excerpt
from internvideo_pl.video.sources.pictures import PictureFolder
from internvideo_pl.video.sources.remote import RemoteFile, is_url
from internvideo_pl.video.sources.still import Still, is_still
from internvideo_pl.video.sources.tar import TarMember, is_member


class Source(Protocol):
    """A video that can be read by frame number; every method may raise `DecodeError`."""

    @property
    def name(self) -> str:
        """What errors and ledgers call it: its location."""

    def num_frames(self) -> int:
        """Shown frames."""

    def frames(self, indices: Sequence[int], short_side: int | None = None) -> Tensor:
        """The frames of the given numbers, from 0, in the given order.

        Args:
            indices: Frame numbers; they may repeat.
            short_side: Scales the shorter side to this many pixels, keeping the shape, bilinear.

        Returns:
            uint8 (T, H, W, 3), RGB.

        Raises:
            IndexError: A number that no frame has, or no number at all.
        """

    def times(self) -> np.ndarray:
        """float64 (N,): seconds at which each frame is shown, the first at 0."""

    def check(self) -> None:
        """Decodes everything for its faults alone."""


@dataclass(frozen=True)
class Encoded:
    """A video in one piece, a file or the bytes of one.

    Attributes:
        video: What `video.decode` reads.
    """

    video: Video

    @property
    def name(self) -> str:
        """See `Source`."""
        return name_of(self.video)

    def num_frames(self) -> int:
        """See `Source`; no frame is decoded."""
        return num_frames(self.video)

    def frames(self, indices: Sequence[int], short_side: int | None = None) -> Tensor:
        """See `Source`."""
        return read_frames(self.video, indices, short_side)

    def times(self) -> np.ndarray:
        """See `Source`."""
        return frame_times(self.video)

    def check(self) -> None:
        """See `Source`."""
        check(self.video)


# (whether a location is of this kind, what reads it); the first that fits
KINDS: tuple[tuple[Callable[[str], bool], Callable[[str], Source]], ...] = (
    (is_excerpt, lambda location: Excerpt.at(location, open_source)),
    (is_still, Still),
    (is_member, lambda location: Encoded(TarMember.at(location))),
    (is_url, lambda location: Encoded(RemoteFile(location))),
    (os.path.isdir, PictureFolder),
    (lambda _: True, Encoded),
)


def open_source(location: str | os.PathLike) -> Source:
    """What reads the video at a location; nothing is opened yet, so a missing one shows when it is read."""
    location = os.fspath(location)
    return next(make(location) for fits, make in KINDS if fits(location))

"""A stretch of a longer video, by seconds: `<location>#t=<start>,<end>`, a media fragment as W3C writes them."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from internvideo_pl.video.faults import DecodeError

ROUNDING = 0.0005  # seconds: locations are written in milliseconds
FRAGMENT = re.compile(r"(?P<whole>.+)#t=(?P<start>\d+(\.\d+)?),(?P<end>\d+(\.\d+)?)")


@dataclass(frozen=True)
class Excerpt:
    """The frames of a video that are shown from `start` to before `end`; at least the one that is shown at `start`.

    Attributes:
        location: The excerpt's own, with its fragment.
        whole: Reads the whole video; what is wrong with that is told of the excerpt.
        start: Seconds after the first frame.
        end: Seconds after the first frame.
    """

    location: str
    whole: Any  # a `Source`, whose module imports this one
    start: float
    end: float

    @classmethod
    def at(cls, location: str, open_source: Callable[[str], Any]) -> "Excerpt":
        """The excerpt at a location; `open_source` gives what reads the whole."""
        match = FRAGMENT.fullmatch(location)
        assert match is not None
        return cls(location, open_source(match["whole"]), float(match["start"]), float(match["end"]))

    @property
    def name(self) -> str:
        """See `Source`."""
        return self.location

    def num_frames(self) -> int:
        """See `Source`."""
        return self._stretch[1] - self._stretch[0]

    def frames(self, indices: Sequence[int], short_side: int | None = None) -> Tensor:
        """See `Source`; numbers count from the excerpt's first frame."""
        first, last = self._stretch
        if any(not 0 <= i < last - first for i in indices):
            raise IndexError(f"{self.location} has frames 0 to {last - first - 1}; asked for {list(indices)}")
        return self._blamed(lambda: self.whole.frames([first + int(i) for i in indices], short_side))

    def times(self) -> np.ndarray:
        """See `Source`; the excerpt's first frame is at 0."""
        times = self._times[slice(*self._stretch)]
        return times - times[0]

    def check(self) -> None:
        """Decodes the whole video."""
        self._blamed(self.whole.check)

    @cached_property
    def _times(self) -> np.ndarray:
        return self._blamed(self.whole.times)

    @cached_property
    def _stretch(self) -> tuple[int, int]:
        """First frame, and the one after the last."""
        times = self._times
        if self.start > times[-1] + self._last(times):
            raise DecodeError(self.location, f"begins after the video's end at {times[-1]:.1f} s")
        first = max(int(np.searchsorted(times, self.start + ROUNDING, side="right")) - 1, 0)
        return first, max(int(np.searchsorted(times, self.end - ROUNDING, side="left")), first + 1)

    @staticmethod
    def _last(times: np.ndarray) -> float:
        """Seconds for which the last frame is taken to be shown: as long as the one before."""
        return float(times[-1] - times[-2]) if len(times) > 1 else 0.0

    def _blamed(self, read: Callable[[], Any]) -> Any:
        """Puts this excerpt's name on what is wrong with its video, so that a ledger counts the excerpt."""
        try:
            return read()
        except DecodeError as error:
            raise DecodeError(self.location, error.reason) from error


def excerpt_location(location: str | os.PathLike, start: float, end: float) -> str:
    """The location of a stretch of the video at a location, in seconds."""
    return f"{os.fspath(location)}#t={start:.3f},{end:.3f}"


def whole_of(location: str) -> str:
    """The location of the video that an excerpt is taken from."""
    return location.rpartition("#t=")[0]


def is_excerpt(location: str) -> bool:
    """Whether a location names a stretch of a video."""
    return FRAGMENT.fullmatch(location) is not None

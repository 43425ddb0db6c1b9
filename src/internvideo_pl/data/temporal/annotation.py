"""What a list says of a long video: its length and the stretches in which an action is seen."""

import math
from dataclasses import dataclass
from typing import Any

from internvideo_pl.errors import UserError


@dataclass(frozen=True)
class Instance:
    """An action in time.

    Attributes:
        start: Seconds.
        end: Seconds, not before the start; official lists have a few of no length.
        label: Name of the class.
    """

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Untrimmed:
    """A long video as an official list has it.

    Attributes:
        key: The official id.
        subset: The list's word for its split.
        instances: In the order of the list; none where labels are withheld or nothing happens.
        duration: Seconds; None where the list does not say.
        ambiguous: Stretches of which the annotators were not sure, in seconds (THUMOS14).
    """

    key: str
    subset: str
    instances: tuple[Instance, ...] = ()
    duration: float | None = None
    ambiguous: tuple[tuple[float, float], ...] = ()

    def annotation(self, index: dict[str, int]) -> dict[str, Any]:
        """The instances as a `Sample` carries them, for a module: plain JSON values.

        Args:
            index: Number of each class.

        Returns:
            {"duration": seconds or None, "segments": [[start, end], ...], "labels": [class, ...],
            "ambiguous": [[start, end], ...]}
        """
        return {
            "duration": self.duration,
            "segments": [[each.start, each.end] for each in self.instances],
            "labels": [index[each.label] for each in self.instances],
            "ambiguous": [list(each) for each in self.ambiguous],
        }


def stretch(start: Any, end: Any, where: str) -> tuple[float, float]:
    """Start and end of a stretch of time in seconds, from whatever a list has written.

    Args:
        start: A number, or its digits.
        end: The same.
        where: File and record, for the error.

    Raises:
        UserError: One is not a number from 0 on, or the end is before the start.
    """
    try:
        first, last = float(start), float(end)
    except (TypeError, ValueError):
        first = last = math.nan
    if isinstance(start, bool) or isinstance(end, bool) or not (math.isfinite(first) and math.isfinite(last)):
        raise UserError(f"{where}: start {start!r} and end {end!r} are not two numbers of seconds; mend the row")
    if first < 0 or last < first:
        trouble = "begins before the video" if first < 0 else "ends before it begins"
        raise UserError(f"{where}: the stretch from {first:g} to {last:g} s {trouble}; mend the row or take it out")
    return first, last

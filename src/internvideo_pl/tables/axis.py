"""Numbers laid over pixels: scales, round ticks, and the range that a set of values spans."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A range of numbers laid over a range of pixels; what lies outside is put on the nearer end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`, in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def extent(values: Iterable[float]) -> tuple[float, float]:
    """Least and greatest of the finite values."""
    finite = [value for value in values if math.isfinite(value)]
    return min(finite), max(finite)


def widened(low: float, high: float) -> tuple[float, float]:
    """The range, opened a little where it is a point."""
    room = max(0.5, abs(low) / 100)
    return (low, high) if high > low else (low - room, high + room)

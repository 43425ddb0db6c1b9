"""Between seconds and places in a row of features.

A place counts features: 0 is the middle of the first window, 1.5 lies between the second and the third. Stretches reach
beyond the first and last middle, so both ways go on in a straight line there.
Legend: N features of a video.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
ALONE = 1.0  # seconds between two places where there is only one feature


def to_places(times: ArrayLike, seconds: Floats) -> Floats:
    """Places of times.

    Args:
        times: Seconds, any shape.
        seconds: (N,), the middle of each window, rising.

    Returns:
        The shape of `times`.
    """
    times = np.asarray(times, dtype=np.float64)
    if len(seconds) == 1:
        return (times - seconds[0]) / ALONE
    left = (np.searchsorted(seconds, times, side="right") - 1).clip(0, len(seconds) - 2)
    return left + (times - seconds[left]) / (seconds[left + 1] - seconds[left])


def to_seconds(places: ArrayLike, seconds: Floats) -> Floats:
    """Times of places, the other way round.

    Args:
        places: Any shape.
        seconds: (N,), the middle of each window, rising.

    Returns:
        Seconds, in the shape of `places`.
    """
    places = np.asarray(places, dtype=np.float64)
    if len(seconds) == 1:
        return seconds[0] + places * ALONE
    left = np.floor(places).clip(0, len(seconds) - 2).astype(np.int64)
    return seconds[left] + (places - left) * (seconds[left + 1] - seconds[left])

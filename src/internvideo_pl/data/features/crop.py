"""Which stretch of a row of features one training step sees, and which true instances are left in it.

As ActionFormer's loader cuts them (arXiv 2202.07925 and its public code): a random stretch, drawn again until at least
one instance lies in it for the most part.
"""

import numpy as np
from numpy.typing import NDArray

TRIES = 200  # draws for a stretch with an instance in it; then the last one is taken as it is
Floats = NDArray[np.float64]


def crop(
    length: int,
    segments: Floats,
    longest: int,
    share: tuple[float, float],
    kept: float,
    offset: float,
    rng: np.random.Generator,
) -> tuple[int, int, Floats, NDArray[np.int64]]:
    """A random stretch.

    Args:
        length: Features of the video.
        segments: (n, 2) true instances, in places.
        longest: Features that a training video may have.
        share: Videos that are no longer than that are cut to a share of their length, drawn between these two.
        kept: Least share of an instance that must lie in the stretch for it to count.
        offset: Places that a window reaches beyond its middle on each side.
        rng: Random stream.

    Returns:
        First feature, the one after the last, the instances that are left as places in the stretch, and their rows.
    """
    if length > longest:
        size = longest
    else:
        low = max(round(share[0] * length), 1)
        size = int(rng.integers(low, max(min(round(share[1] * length), length), low) + 1))
    if size == length:
        return 0, length, segments, np.arange(len(segments))
    first, inside, rows = 0, segments, np.arange(len(segments))
    for _ in range(TRIES):
        first = int(rng.integers(0, length - size + 1))
        inside = segments.clip(first - offset, first + size + offset)
        whole = np.maximum(segments[:, 1] - segments[:, 0], np.finfo(np.float64).tiny)
        rows = np.flatnonzero((inside[:, 1] - inside[:, 0]) / whole >= kept)
        if len(rows):
            break
    return first, first + size, inside[rows] - first, rows

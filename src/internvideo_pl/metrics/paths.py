"""Paths of an agent: their length, dynamic time warping, resampling.

Positions are in metres in the simulator's frame, x and z along the floor, y up.
Sources: nDTW (arXiv 1907.05446); FastDTW (Salvador and Chan, 2007), which VLN-CE's evaluator takes by default.

Shape legend: N, M positions of two paths.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.float64]  # (N, 3)
RADIUS = 1  # of FastDTW's window, the default of the evaluator's library
SPACING = 0.25  # metres between the points of a resampled path, as in the release
UP, LEFT, DIAGONAL = 0, 1, 2  # where a cell of the table came from; the first of equals is kept


def length(path: Path) -> float:
    """Sum of the straight distances between consecutive positions (N, 3); 0 for a single one."""
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def without_repeats(path: Path) -> Path:
    """The path without positions that equal the one before them, as turns on the spot leave them."""
    moved = np.any(path[1:] != path[:-1], axis=1)
    return path[np.concatenate([[True], moved])]


def resample(path: Path, spacing: float = SPACING) -> Path:
    """Points every `spacing` metres of horizontal distance, as the release does with the ground truth before nDTW.

    Each segment gives one point fewer than `spacing` fits into it, then its end; heights rise evenly.
    """
    points = [path[:1]]
    for start, end in itertools.pairwise(path):
        step = end - start
        across = math.hypot(step[0], step[2])
        ratio = spacing / across if across > 0 else math.inf
        inner = max(int(1 / ratio) - 1, 0)
        if inner:
            points.append(start + np.arange(1, inner + 1)[:, None] * (step * ratio))
        points.append(end[None])
    return np.concatenate(points)


def dtw(path: Path, other: Path) -> float:
    """Cost of the cheapest monotone alignment of two paths (N, 3) and (M, 3) under Euclidean distance."""
    return _warp(path, other, np.ones((len(path), len(other)), dtype=bool))[0]


def fast_dtw(path: Path, other: Path, radius: int = RADIUS) -> float:
    """The same within a window around the alignment of both paths at half the resolution: never less than `dtw`."""
    return _fast(path, other, radius)[0]


def ndtw(path: Path, reference: Path, threshold: float, exact: bool = False) -> float:
    """exp(-DTW / (M threshold)) of a path (N, 3) and the reference (M, 3), between 0 and 1.

    Args:
        path: Where the agent was; which repeats count is the caller's to say.
        reference: Where it should have been.
        threshold: The success distance in metres.
        exact: Whether DTW is exact; the evaluator's default is FastDTW.
    """
    cost = dtw(path, reference) if exact else fast_dtw(path, reference)
    return math.exp(-cost / (len(reference) * threshold))


def _fast(path: Path, other: Path, radius: int) -> tuple[float, NDArray[np.int8]]:
    if min(len(path), len(other)) < radius + 2:
        return _warp(path, other, np.ones((len(path), len(other)), dtype=bool))
    _, came_from = _fast(_halved(path), _halved(other), radius)
    return _warp(path, other, _window(came_from, len(path), len(other), radius))


def _halved(path: Path) -> Path:
    """Means of neighbouring pairs; an odd last position is dropped."""
    even = len(path) - len(path) % 2
    return (path[:even:2] + path[1:even:2]) / 2


def _window(came_from: NDArray[np.int8], rows: int, columns: int, radius: int) -> NDArray[np.bool_]:
    """Cells (rows, columns) within `radius` coarse cells of the coarse alignment, each coarse cell being four."""
    i, j = came_from.shape[0] - 1, came_from.shape[1] - 1
    near = np.zeros((-(-rows // 2) + radius, -(-columns // 2) + radius), dtype=bool)
    while i >= 0 and j >= 0:
        near[max(i - radius, 0) : i + radius + 1, max(j - radius, 0) : j + radius + 1] = True
        step = came_from[i, j]
        i, j = i - (step != LEFT), j - (step != UP)
    return near.repeat(2, axis=0).repeat(2, axis=1)[:rows, :columns]


def _warp(path: Path, other: Path, window: NDArray[np.bool_]) -> tuple[float, NDArray[np.int8]]:
    """Cost of the alignment inside the window, and where each cell came from; one anti-diagonal at a time."""
    rows, columns = window.shape
    cost = np.linalg.norm(path[:, None] - other[None], axis=-1)  # (N, M)
    cost[~window] = np.inf
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    came_from = np.zeros((rows, columns), dtype=np.int8)
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(diagonal - columns + 1, 0), min(diagonal, rows - 1) + 1)
        j = diagonal - i
        before = np.stack([total[i, j + 1], total[i + 1, j], total[i, j]])  # up, left, diagonal
        choice = before.argmin(axis=0)
        came_from[i, j] = choice
        total[i + 1, j + 1] = before[choice, np.arange(len(i))] + cost[i, j]
    return float(total[rows, columns]), came_from

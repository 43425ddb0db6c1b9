"""Histograms of a few groups of values over each other, as a drawing."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.tables.drawing import Drawing
from internvideo_pl.tables.plot import Line, line_drawing

BINS = 50  # over the range of all groups: percents of it in steps of two


def shares(
    groups: Mapping[str, NDArray[np.float64]], bins: int = BINS
) -> tuple[NDArray[np.float64], dict[str, list[float]]]:
    """Percent of each group's values in each of some equal bins over the range of all.

    Returns:
        The bins' edges (bins + 1,), and the shares by group; an empty group has none anywhere.
    """
    values = np.concatenate(list(groups.values()))
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    found = {}
    for name, own in groups.items():
        counts, _ = np.histogram(own, edges)
        found[name] = (100.0 * counts / max(len(own), 1)).tolist()
    return edges, found


def histogram(groups: Mapping[str, Sequence[float]], name: str) -> Drawing:
    """One line of shares a group, over percents of the range of all values.

    Args:
        groups: Values by name.
        name: What the values are.
    """
    edges, found = shares({group: np.asarray(values, np.float64) for group, values in groups.items()})
    steps = [round(100 * (i + 0.5) / BINS) for i in range(BINS)]
    lines = [Line(f"{name} (%)", steps, values, values) for name, values in found.items()]
    alt = f"How {name} is spread over {' and '.join(groups)} videos"
    return line_drawing(lines, alt, f"{name}, in percent of the way from {edges[0]:.3g} to {edges[-1]:.3g}")

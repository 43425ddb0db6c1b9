"""Which videos each replica draws, and the quantiles of what is found on them."""

import numpy as np
import pytest

from internvideo_pl.metrics import bootstrap

REPLICAS = 15


def draws(size: int, replicas: int = REPLICAS) -> list[np.ndarray]:
    """The videos of each replica, in the order in which they are drawn."""
    generator = np.random.default_rng(bootstrap.SEED)
    return [generator.integers(size, size=size) for _ in range(replicas)]


def ends(figures: list[dict[str, float]], own: dict[str, float] | None = None) -> dict[str, tuple[float, float]]:
    """Their quantiles, by name; around those that were found on all videos, where they are given."""
    found = {}
    for name in figures[0]:
        values = np.array([each[name] for each in figures])
        shift = own[name] - values.mean() if own else 0.0
        found[name] = tuple(np.quantile((values + shift).clip(0, 100) if own else values, [0.025, 0.975]))
    return found


def agree(got, wanted) -> None:
    assert got.keys() <= wanted.keys()
    assert got
    for name, interval in got.items():
        assert interval == pytest.approx(wanted[name], abs=1e-9), name
        assert interval[0] <= interval[1]

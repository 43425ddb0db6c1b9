"""Rows of features averaged down as Ego4D's baseline does."""

import numpy as np
import torch

from internvideo_pl.data.features.queries import averaged


def official(features: np.ndarray, most: int) -> np.ndarray:
    """The baseline's loop."""
    count = len(features)
    if count <= most:
        return features
    edges = np.round(np.arange(0, most + 1, 1.0) / most * count).astype(np.int32)
    edges[edges > count - 1] = count - 1
    means = []
    for place in range(most):
        first, last = edges[place], edges[place + 1]
        means.append(features[first:last].mean(0) if first < last else features[first])
    return np.asarray(means)


def test_equals_the_loop_at_every_length():
    rng = np.random.default_rng(0)
    for count in (1, 3, 7, 8, 9, 15, 16, 17, 40, 101):
        features = rng.normal(size=(count, 3)).astype(np.float32)
        found, seconds = averaged(torch.from_numpy(features), np.arange(count, dtype=float), 8)
        np.testing.assert_allclose(found.numpy(), official(features, 8), rtol=1e-5, atol=1e-6)
        assert len(seconds) == min(count, 8)
        assert (np.diff(seconds) > 0).all() or count == 9

"""How far a mean over test videos would move on other videos: the percentile bootstrap.

Videos are drawn with replacement, as many as there were, and the mean is taken again (Efron and Tibshirani, "An
introduction to the bootstrap", 1993, chapter 13). What one video contributes several times, such as its captions,
stays together. Whatever else a number depends on (a gallery, the seed of the training) is held fast.

Shape legend: N values, V videos, R resamples.
"""

import numpy as np
import torch
from torch import Tensor

RESAMPLES = 2000  # the ends of a 95 % interval then move by a few hundredths of its width
SEED = 0  # the same numbers give the same interval
BLOCK = 4_000_000  # draws held in memory at once
LEVEL = 0.95

Interval = tuple[float, float]


def bootstrap_mean(values: Tensor, video: Tensor | None = None, resamples: int = RESAMPLES) -> Interval | None:
    """The 95 % interval of a mean.

    Args:
        values: (N,) numbers whose mean is the figure, in its unit.
        video: int64 (N,), the video of each; None where each has its own.
        resamples: R.

    Returns:
        Its ends; None for fewer than two videos, of which nothing is known.
    """
    values = values.detach().cpu().double()
    groups = torch.arange(len(values)) if video is None else torch.unique(video.cpu(), return_inverse=True)[1]
    videos = int(groups.max()) + 1 if len(groups) else 0
    if videos < 2:
        return None
    sums = torch.bincount(groups, weights=values, minlength=videos).numpy()
    counts = torch.bincount(groups, minlength=videos).double().numpy()
    generator = np.random.default_rng(SEED)
    means = []
    for first in range(0, resamples, step := max(BLOCK // videos, 1)):
        drawn = generator.integers(videos, size=(min(step, resamples - first), videos))
        means.append(sums[drawn].sum(1) / counts[drawn].sum(1))
    low, high = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)

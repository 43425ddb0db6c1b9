"""How far a figure would move on other test videos: the percentile bootstrap.

Videos are drawn with replacement, as many as there were, and the figure is taken again (Efron and Tibshirani, "An
introduction to the bootstrap", 1993, chapter 13). What one video contributes several times, such as its captions, its
key frames or its detections, stays together. Whatever else a number depends on (a gallery, how frequent words are, the
seed of the training) is held fast. Means and ratios are drawn 2,000 times, all at once; figures that need an evaluator,
such as average precision, 200 times, after what is matched within a video has been matched once for all of them. Copies
of a video stand side by side in a ranking, which moves average precision by itself, so that the draws of these figures
are centred on the figure: their spread is what is asked for.

Where every video is right, or every one wrong, all draws are alike and say nothing of others: a share of right answers
then has Wilson's interval (E. B. Wilson, "Probable inference", 1927) for as many videos.

Shape legend: N values, V videos, R resamples.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RESAMPLES = 2000  # the ends of a 95 % interval then move by a few hundredths of its width
SEED = 0  # the same numbers give the same interval
REPLICAS = 200  # of what an evaluator computes: the ends then move by about a tenth of half its width
BLOCK = 4_000_000  # draws held in memory at once
LEVEL = 0.95
SIDES = 1.959964  # standard errors on either side that hold as much of a normal distribution

Interval = tuple[float, float]


def bootstrap_mean(
    values: Tensor, video: Tensor | None = None, resamples: int = RESAMPLES, right: float | None = None
) -> Interval | None:
    """The 95 % interval of a mean.

    Args:
        values: (N,) numbers whose mean is the figure, in its unit.
        video: int64 (N,), the video of each; None where each has its own.
        resamples: R.
        right: What a right answer counts, where the mean is a share of right answers, and a wrong one nothing.

    Returns:
        Its ends; None for fewer than two videos, of which nothing is known.
    """
    return bootstrap_ratio(values, torch.ones(len(values)), video, resamples, right)


def bootstrap_ratio(
    top: Tensor,
    bottom: Tensor,
    video: Tensor | None = None,
    resamples: int = RESAMPLES,
    right: float | None = None,
) -> Interval | None:
    """The 95 % interval of a sum over a sum, such as found moments over all moments.

    Args:
        top: (N,), what is summed above.
        bottom: (N,), what is summed below, none of it negative.
        video: As for `bootstrap_mean`.
        resamples: R.
        right: As for `bootstrap_mean`.

    Returns:
        Its ends; None for fewer than two videos with something below.
    """
    top, bottom = top.detach().cpu().double(), bottom.detach().cpu().double()
    groups = torch.arange(len(top)) if video is None else torch.unique(video.cpu(), return_inverse=True)[1]
    videos = int(groups.max()) + 1 if len(groups) else 0
    sums = torch.bincount(groups, weights=top, minlength=videos).numpy()
    counts = torch.bincount(groups, weights=bottom, minlength=videos).numpy()
    there = counts > 0
    if there.sum() < 2:
        return None
    if right is not None and any(np.allclose(sums, share * counts, rtol=1e-12, atol=0) for share in (0.0, right)):
        return wilson(bool(sums.any()), int(there.sum()), right)
    generator = np.random.default_rng(SEED)
    found = []
    for first in range(0, resamples, step := max(BLOCK // videos, 1)):
        drawn = generator.integers(videos, size=(min(step, resamples - first), videos))
        below = counts[drawn].sum(1)
        found.append(sums[drawn].sum(1)[below > 0] / below[below > 0])
    return _ends(np.concatenate(found))


def bootstrap_figures(
    figures: Callable[[NDArray[np.int64]], Mapping[str, float]],
    sizes: int | Sequence[int],
    replicas: int = REPLICAS,
    limit: float = 100.0,
    shares: Mapping[str, int] | None = None,
) -> dict[str, Interval]:
    """The 95 % intervals of what an evaluator makes of videos.

    Args:
        figures: From how many times each video was drawn, int64 (V,), to the figures by name.
        sizes: V; or that of each list, one after another, whose videos are drawn by themselves.
        replicas: R.
        limit: The most that a figure can be; 0 is the least.
        shares: Figures that are shares of right answers, each with the videos that it is over.

    Returns:
        The ends of every figure that no replica leaves undefined; nothing for a list of fewer than two videos.
    """
    sizes = [sizes] if isinstance(sizes, int) else list(sizes)
    if min(sizes) < 2:
        return {}
    generator = np.random.default_rng(SEED)
    found = []
    for _ in range(replicas):
        drawn = [np.bincount(generator.integers(size, size=size), minlength=size) for size in sizes]
        found.append(figures(np.concatenate(drawn)))
    own = figures(np.ones(sum(sizes), dtype=np.int64))
    values = {name: np.array([each[name] for each in found]) for name in own}
    centred = {name: each - each.mean() + own[name] for name, each in values.items() if np.isfinite(each).all()}
    ends = {name: _ends(each.clip(0, limit)) for name, each in centred.items()}
    alike = {name: videos for name, videos in (shares or {}).items() if ends.get(name) in ((0.0, 0.0), (limit, limit))}
    return ends | {name: wilson(own[name] > 0, videos, limit) for name, videos in alike.items()}


def wilson(right: bool, videos: int, whole: float) -> Interval:
    """Wilson's 95 % interval of a share, in the unit of `whole`, of videos that are all `right` or all wrong."""
    reach = whole * SIDES**2 / (videos + SIDES**2)
    return (whole - reach, whole) if right else (0.0, reach)


def _ends(values: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)

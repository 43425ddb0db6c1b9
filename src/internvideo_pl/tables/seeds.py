"""Rows of one experiment that differ in nothing but the seed, as one result: the mean and its 95 % interval."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from internvideo_pl.tables.row import Row

# Student's t: 95 % of the distribution with so many degrees of freedom (index + 1) lie within this on either side.
STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
NORMAL = statistics.NormalDist().inv_cdf(0.975)  # what it comes to for many


@dataclass(frozen=True)
class Result:
    """What an experiment has come to.

    Attributes:
        row: The newest of its rows, with the means over seeds for its metrics.
        seeds: Those that were run, rising.
        intervals: 95 % interval of a metric: of the mean over seeds (Student's t) where there are several, over test
            videos (bootstrap) where there is one.
    """

    row: Row
    seeds: tuple[int, ...]
    intervals: Mapping[str, tuple[float, float]]

    @property
    def spread(self) -> str:
        """What the intervals are over, in words."""
        return f"{len(self.seeds)} seeds" if len(self.seeds) > 1 else "videos"


def results(rows: Iterable[Row]) -> list[Result]:
    """The rows as results, in the order of their newest ones; of a seed that was run twice the newest row counts."""
    groups: dict[tuple[Any, ...], dict[int, Row]] = {}
    for number, row in enumerate(rows):
        alone = number if not row.recipe else None  # an unknown recipe is shared with nobody
        key = (row.experiment, row.model, row.task, row.mini, row.headline, row.fingerprint, row.recipe, alone)
        seeds = groups.setdefault(key, {})
        if row.seed not in seeds or row.created >= seeds[row.seed].created:
            seeds[row.seed] = row
    return sorted(map(_result, groups.values()), key=lambda found: found.row.created)


def student(freedom: int) -> float:
    """Within how many standard errors 95 % of Student's t lie, of so many degrees of freedom.

    Beyond the table by the expansion around the normal distribution (Abramowitz and Stegun, 26.7.5), right to five
    digits there.
    """
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1]
    z = NORMAL
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean of two or more independent runs, by Student's t.

    Values that are not finite make it undefined (NaN).
    """
    count = len(values)
    assert count > 1, "one run says nothing about others"
    if not all(map(math.isfinite, values)):
        return math.nan, math.nan
    width = student(count - 1)
    try:
        mean, half = statistics.fmean(values), width * statistics.stdev(values) / math.sqrt(count)
    except OverflowError:  # of what has diverged
        return math.nan, math.nan
    return mean - half, mean + half


def _result(by_seed: dict[int, Row]) -> Result:
    rows = [by_seed[seed] for seed in sorted(by_seed)]
    newest = max(rows, key=lambda row: row.created)
    if len(rows) == 1:
        return Result(newest, (newest.seed,), newest.intervals)
    names = [name for name in newest.metrics if all(name in row.metrics for row in rows)]
    values = {name: [row.metrics[name] for row in rows] for name in names}
    means = {name: sum(several) / len(several) for name, several in values.items()}
    used = min(rows, key=lambda row: row.coverage.used)  # the gaps of the worst run, or they would go unsaid
    merged = dataclasses.replace(newest, metrics=means, coverage=used.coverage, intervals={})
    intervals = {name: mean_interval(several) for name, several in values.items() if _shown(name)}
    return Result(merged, tuple(sorted(by_seed)), intervals)


def _shown(name: str) -> bool:
    """Whether a name is a metric's and not one of its bounds."""
    return not name.endswith(("/low", "/high"))

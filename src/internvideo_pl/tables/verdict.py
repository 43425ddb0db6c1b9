"""What to make of a number: against chance, against another row, against the paper."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from internvideo_pl.tables.paper import benchmark
from internvideo_pl.tables.protocol import PAPER_PROTOCOLS, differences
from internvideo_pl.tables.row import Row

# A figure counts as reproduced within half a point or a fiftieth of it, whichever is less. Ours: half a point is what
# one training run of such models differs from the next by, and the fiftieth keeps a figure of 3.40 from matching 2.95.
TOLERANCE_POINTS, TOLERANCE_SHARE = 0.5, 0.02
LOWER_IS_BETTER = ("MedR", "MeanR", "NE", "mse", "loss", "FPR@95", "M.Disp", "C.Disp", "total displacement")
RATES = ("top", "acc", "R@")  # names that begin so are shares of right answers, for which a guess has a known spread
SIDES = 1.96  # standard errors on either side that hold 95 % of a normal distribution


@dataclass(frozen=True)
class Verdict:
    """A judgement in words.

    Attributes:
        text: As a table prints it.
        tone: "good", "bad" or "" for neither.
        difference: Ours minus the paper's; None where they were not compared.
    """

    text: str
    tone: str = ""
    difference: float | None = None


NOT_RUN = Verdict("not run")


def metric_parts(metric: str) -> list[str]:
    """Variant, direction and name of a metric, those that it has; a slash between spaces divides numbers, not names."""
    return re.split(r"(?<! )/(?! )", metric)


def short_name(metric: str) -> str:
    """The metric without its direction and variant: "R@1" of "dsl/t2v/R@1"."""
    return metric_parts(metric)[-1]


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of the metric is the better one."""
    return short_name(metric) in LOWER_IS_BETTER


def gain(metric: str, value: float, other: float) -> float:
    """By how much `value` is better than `other`; negative where it is worse."""
    return other - value if lower_is_better(metric) else value - other


def bounds(row: Row, metric: str) -> tuple[float, float] | None:
    """The metric with all missing videos wrong and with all right, rising; None where none is missing or no bound is
    known.
    """
    ends = [row.metrics.get(f"{metric}/{end}", math.nan) for end in ("low", "high")]
    if row.coverage.complete or not all(map(math.isfinite, ends)):
        return None
    return min(ends), max(ends)


def against_chance(row: Row, metric: str) -> Verdict:
    """How far a metric is from what a model that knows nothing gets.

    For a share of right answers, a value within the 95 % that guessing on as many videos would spread over is "at
    chance".
    """
    value, chance = row.metrics[metric], row.chance.get(metric)
    if chance is None or not math.isfinite(value):
        return Verdict("-")
    above = gain(metric, value, chance)
    if short_name(metric).startswith(RATES) and 0 < chance < 100 and row.coverage.used:
        spread = math.sqrt(chance * (100 - chance) / row.coverage.used)  # standard error of a guess, in points
        if abs(above) <= SIDES * spread:
            return Verdict("at chance", "bad", above)
    if above < 0:
        return Verdict(f"{above:+.1f} below chance", "bad", above)
    ratio = value / chance if chance > 0 and not lower_is_better(metric) else None
    times = "" if ratio is None else f" ({ratio:,.0f}x)" if ratio >= 10 else f" ({ratio:.1f}x)"
    return Verdict(f"{above:+.1f}{times}", "good", above)


def against_paper(row: Row, metric: str | None = None) -> Verdict:
    """A metric beside the paper's figure: reproduced, off by so much, or not comparable and why; the headline's by
    default.

    Where test videos are missing it is reproduced only if it would be so with all of them wrong and with all right.
    """
    metric = row.headline if metric is None else metric
    if row.benchmark is None:
        return Verdict("not in the paper")
    if row.mini:
        return Verdict("miniature")
    printed = benchmark(row.benchmark).paper
    if metric not in printed:
        return Verdict(f"not comparable: the paper has {benchmark(row.benchmark).headline}, not {metric}")
    unlike = differences(row.protocol, PAPER_PROTOCOLS[row.benchmark])
    if unlike:
        return Verdict(f"not comparable: {'; '.join(unlike)}")
    value, target = row.metrics[metric], printed[metric]
    if not math.isfinite(value):
        return Verdict("undefined", "bad")
    difference = value - target
    seen = "" if row.coverage.complete else f" on {row.coverage.used:,} of {row.coverage.official:,} videos"
    tolerance = min(TOLERANCE_POINTS, TOLERANCE_SHARE * target)
    if abs(difference) <= tolerance:
        ends = (value, value) if row.coverage.complete else bounds(row, metric)
        if ends is None:
            return Verdict(f"undecided{seen}: without bounds for the missing ones", "", difference)
        if max(abs(end - target) for end in ends) > tolerance:
            return Verdict(f"undecided{seen}: {ends[0]:.2f} to {ends[1]:.2f} with the missing ones", "", difference)
        return Verdict(f"reproduced{seen}", "good", difference)
    tone = "bad" if gain(metric, value, target) < 0 else "good"
    return Verdict(f"off by {difference:+.2f}{seen}", tone, difference)


def best(rows: Sequence[Row]) -> list[Row]:
    """The rows with the best headline, which all share; several only where they are equal, none where all are
    undefined.

    Whether the rows may be ranked at all, by fingerprint or by the paper's protocol, is for the caller to see to.
    """
    assert len({row.headline for row in rows}) <= 1, "unlike metrics are never ranked"
    sound = [row for row in rows if math.isfinite(row.value)]
    top = max((gain(row.headline, row.value, 0.0) for row in sound), default=None)
    return [row for row in sound if gain(row.headline, row.value, 0.0) == top]

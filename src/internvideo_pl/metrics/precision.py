"""Average precision: one ranking of right and wrong detections, four official readings of its curve.

Shape legend: P detections in falling order of score, R rankings of them (one an overlap threshold).
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rule = Literal["interpolated", "eleven_point", "coco", "at_hits"]
POINTS = {"eleven_point": np.arange(11) / 10, "coco": np.linspace(0, 1, 101)}  # recalls at which a curve is read


def average_precision(
    hit: NDArray[np.bool_], positives: int, rule: Rule = "interpolated", counted: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Average precision of each ranking.

    Args:
        hit: (R, P), whether the detection is right at that threshold.
        positives: Number of true instances.
        rule: "interpolated": precision made to fall only, times the gain in recall (ActivityNet, AVA, Pascal VOC 2010);
            "eleven_point": mean of the best precision at recall 0, 0.1 ... 1 or more (Pascal VOC 2007, THUMOS14's first
            release); "coco": the same at 101 recalls; "at_hits": sum of the precision at every hit over the instances
            (THUMOS14's later release).
        counted: (R, P), which detections count at all; those that only an ambiguous instance explains do not. All do by
            default.

    Returns:
        (R,); NaN without an instance, 0 without a detection.
    """
    if positives == 0:
        return np.full(len(hit), np.nan)
    if hit.shape[1] == 0:
        return np.zeros(len(hit))
    right = hit.cumsum(1)
    ranked = right + ((~hit) if counted is None else (~hit & counted)).cumsum(1)
    precision, recall = right / np.maximum(ranked, 1), right / positives
    if rule == "at_hits":
        return (precision * hit).sum(1) / positives
    return _under(precision, recall, rule)


class Resampled:
    """The average precision of a ranking when its videos are drawn again, some several times and some never.

    A detection's copies stand side by side. What was right within a video stays right, so nothing is matched again; by
    all rules but "at_hits" only the places of the hits are looked at, for between them a curve only falls.

    Args:
        hit: As for `average_precision`.
        video: int64 (P,), the video of each detection.
        rule: As there.
        counted: As there.
    """

    def __init__(
        self,
        hit: NDArray[np.bool_],
        video: NDArray[np.int64],
        rule: Rule = "interpolated",
        counted: NDArray[np.bool_] | None = None,
    ) -> None:
        self.hit, self.video, self.rule, self.counted = hit, video, rule, counted
        self.places = np.flatnonzero(hit.any(0))
        self.hits = hit[:, self.places]

    def __call__(self, times: NDArray[np.int64], positives: int) -> NDArray[np.float64]:
        """The average precisions (R,).

        Args:
            times: int64, how many times each video was drawn.
            positives: Number of true instances in all of these.
        """
        own = times[self.video]
        if self.rule == "at_hits" or self.counted is not None:
            rows = np.repeat(np.arange(len(own)), own)
            counted = None if self.counted is None else self.counted[:, rows]
            return average_precision(self.hit[:, rows], positives, self.rule, counted)
        if positives == 0:
            return np.full(len(self.hit), np.nan)
        right = (self.hits * own[self.places]).cumsum(1)  # at the last copy of each, where precision is highest
        ranked = own.cumsum()[self.places]
        return _under(right / np.maximum(ranked, 1), right / positives, self.rule)


def _under(precision: NDArray[np.float64], recall: NDArray[np.float64], rule: Rule) -> NDArray[np.float64]:
    """What a rule makes of curves, (R, P) each."""
    falling = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]  # the best precision at this recall or more
    if rule == "interpolated":
        return (np.diff(recall, axis=1, prepend=0.0) * falling).sum(1)
    falling = np.pad(falling, ((0, 0), (0, 1)))  # 0 where the recall is never reached
    curves = zip(falling, recall, strict=True)
    return np.array([best[np.searchsorted(reached, POINTS[rule])].mean() for best, reached in curves])

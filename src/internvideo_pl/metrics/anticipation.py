"""Short-term object-interaction anticipation as Ego4D's evaluator scores it: top-5 mean average precision.

Source: `STAMeanAveragePrecision` of EGO4D/forecasting (evaluation/sta_metrics.py). A prediction is right when its box
overlaps a free true box by more than half (with the convention that a box of pixels 0 to 9 is 10 wide), and the noun,
and in three of the four columns the verb, the time to contact (within a quarter of a second) or both, are right too. In
each image up to 4 false predictions a true object, the surest, are forgiven. The mean is over the nouns of the truth.

Shape legend: P predictions, G true objects, I images, M most true objects of an image, C = 4 columns.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures
from internvideo_pl.metrics.precision import Resampled, average_precision
from internvideo_pl.metrics.samples import SampleMetric

COLUMNS = ("noun", "noun_verb", "noun_ttc", "overall")
LEAST, NEAR = 0.5, 0.25  # overlap that is not enough yet; seconds that are near enough
TOP_K = 5
MOST_PLACES = 65_536  # predictions of an image

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class TrueObjects:
    """The next active objects of a list, one row each.

    Attributes:
        image: int64 (G,), number of the image.
        box: float64 (G, 4), x1, y1, x2, y2 in pixels.
        noun: int64 (G,).
        verb: int64 (G,).
        ttc: float64 (G,), seconds to contact.
        num_images: Images of the official list I.
    """

    image: Ints
    box: Floats
    noun: Ints
    verb: Ints
    ttc: Floats
    num_images: int


class ShortTermAnticipation(SampleMetric):
    """Top-5 mean average precision in percent, in four columns.

    After `compute`, `missing` holds the images that were never reported.

    Args:
        truth: The true objects.
        top_k: 5; 1 forgives nothing.
    """

    def __init__(self, truth: TrueObjects, top_k: int = TOP_K, **kwargs: Any):
        super().__init__(**kwargs)
        self.truth, self.top_k = truth, top_k
        self.missing: list[int] = []
        self.predictions: tuple[Floats, Ints] = np.empty((0, 9)), np.empty(0, dtype=np.int64)
        self.reported = np.zeros(truth.num_images, dtype=bool)
        self.add_rows("found", (9,), torch.float64)  # box, score, noun, verb, ttc, image and place as one number
        self.add_rows("empty", (), torch.int64)

    def update(self, image: int, box: Tensor, score: Tensor, noun: Tensor, verb: Tensor, ttc: Tensor) -> None:
        """Add all predictions of one image; none at all is a report too.

        Args:
            image: Its number.
            box: (P, 4) x1, y1, x2, y2 in pixels.
            score: (P,).
            noun: int64 (P,).
            verb: int64 (P,).
            ttc: (P,), seconds.
        """
        if not len(score):
            self.append(empty=torch.tensor([image], device=self.device))
            return
        code = image * MOST_PLACES + torch.arange(len(score), device=score.device)
        columns = [score, noun, verb, ttc, code]
        rows = torch.cat([box.double(), torch.stack([column.double() for column in columns], 1)], 1)
        self.append(found=rows.to(self.device))

    def compute(self) -> dict[str, float]:
        """`<column>_top5_mAP` in percent for each of `COLUMNS`, and the same under `all/`.

        The official evaluator forgets the true objects of images without any prediction; the figures under `all/` do
        not. Images that were never reported count as such.

        Raises:
            UserError: Nothing was reported, or a value is not finite.
        """
        rows = self.rows("found").cpu().numpy()
        rows = rows[np.unique(rows[:, 8], return_index=True)[1]]
        image = rows[:, 8].astype(np.int64) // MOST_PLACES
        reported = np.zeros(self.truth.num_images, dtype=bool)
        reported[image] = reported[self.rows("empty").cpu().numpy()] = True
        if not reported.any():
            raise UserError("No image was reported: check that the test list is not empty and its frames are there.")
        if not np.isfinite(rows).all():
            raise UserError("A prediction is not a finite number; load a checkpoint from before it diverged.")
        self.missing = np.flatnonzero(~reported).tolist()
        self.reported = reported
        order = np.lexsort((-np.arange(len(rows)), -rows[:, 4], image))  # of equal scores the later comes first
        rows, image = self.predictions = rows[order], image[order]
        hit, counted = self._judged()
        known = np.isin(self.truth.image, image)
        result = {}
        for prefix, kept in (("", known), ("all/", np.ones_like(known))):
            for column, name in enumerate(COLUMNS):
                value = self._mean(rows, hit[:, column], counted[:, column], kept)
                result[f"{prefix}{name}_top{self.top_k}_mAP"] = value
        return result

    def intervals(self, video: Ints) -> dict[str, Interval]:
        """95 % intervals of the official figures over other videos with all their images; after `compute`.

        Args:
            video: int64 (I,), number of the video that each image is of.
        """
        (rows, image), (hit, counted) = self.predictions, self._judged()
        videos, own = np.unique(video, return_inverse=True)
        known = np.isin(self.truth.image, image)
        true = {noun: own[self.truth.image[known & (self.truth.noun == noun)]] for noun in np.unique(self.truth.noun)}
        curves: dict[str, list[tuple[Resampled, Ints]]] = {name: [] for name in COLUMNS}
        for column, name in enumerate(COLUMNS):
            order = self._order(rows, counted[:, column])
            for noun, where in true.items():
                mine = order[rows[order, 5] == noun]
                curves[name].append((Resampled(hit[None, mine, column], own[image[mine]]), where))

        def figures(times: Ints) -> dict[str, float]:
            found = {}
            for name, listed in curves.items():
                drawn = [(curve, int(times[where].sum())) for curve, where in listed]
                values = [curve(times, positives)[0] for curve, positives in drawn if positives]
                found[f"{name}_top{self.top_k}_mAP"] = float(100 * np.mean(values)) if values else float("nan")
            return found

        return bootstrap_figures(figures, len(videos))

    def _judged(self) -> tuple[Bools, Bools]:
        """Which predictions are right, and which count, (P, C) each."""
        rows, image = self.predictions
        hit = hits(rows, image, self.truth)
        return hit, ~forgiven(hit, image, self.truth, self.top_k)

    def by_image(self) -> dict[int, list[list[float]]]:
        """After `compute`: what was predicted for every image that was reported, surest first: box, score, noun, verb,
        seconds.
        """
        rows, image = self.predictions
        found: dict[int, list[list[float]]] = {int(number): [] for number in np.flatnonzero(self.reported)}
        for number, row in zip(image.tolist(), rows[:, :8].tolist(), strict=True):
            found[number].append(row)
        return found

    def _mean(self, rows: Floats, hit: Bools, counted: Bools, known: Bools) -> float:
        """Mean over the nouns of the true objects that count, in percent."""
        order = self._order(rows, counted)
        hit, noun, true = hit[order], rows[order, 5], self.truth.noun[known]
        nouns = np.unique(true)
        values = [average_precision(hit[noun == which][None], int((true == which).sum()))[0] for which in nouns]
        return float(100 * np.mean(values)) if values else float("nan")

    @staticmethod
    def _order(rows: Floats, counted: Bools) -> Ints:
        """The predictions that count, in falling order of score."""
        return np.flatnonzero(counted)[np.argsort(rows[counted, 4], kind="stable")[::-1]]


def hits(rows: Floats, image: Ints, truth: TrueObjects) -> Bools:
    """Which predictions are right in each column, (P, C).

    The surest predictions of all images are matched together, then the second ones, and so on: each takes the free true
    object that it overlaps most among those that it fits.

    Args:
        rows: (P, 9) as `ShortTermAnticipation` keeps them, sorted by image, then falling.
        image: (P,).
        truth: The true objects.
    """
    hit = np.zeros((len(rows), len(COLUMNS)), dtype=bool)
    if not len(rows) or not len(truth.image):
        return hit
    order = np.argsort(truth.image, kind="stable")
    start, end = (np.searchsorted(truth.image[order], np.arange(truth.num_images), side) for side in ("left", "right"))
    most = int((end - start).max())
    taken = np.zeros((len(truth.image), len(COLUMNS)), dtype=bool)
    turn = np.arange(len(image)) - np.searchsorted(image, image, side="left")  # place within the image
    by_turn = np.argsort(turn, kind="stable")
    for own in np.split(by_turn, np.searchsorted(turn[by_turn], np.arange(1, int(turn.max()) + 1))):
        place = start[image[own]][:, None] + np.arange(most)  # (n, M)
        real = place < end[image[own]][:, None]
        other = order[np.minimum(place, len(order) - 1)]
        share = _overlap(rows[own, None, :4], truth.box[other])
        noun = real & (share > LEAST) & (rows[own, None, 5] == truth.noun[other])
        verb = rows[own, None, 6] == truth.verb[other]
        near = np.abs(rows[own, None, 7] - truth.ttc[other]) <= NEAR
        fits = np.stack([noun, noun & verb, noun & near, noun & verb & near], axis=2) & ~taken[other]  # (n, M, C)
        best = np.where(fits, share[..., None], -1.0).argmax(1)  # (n, C)
        right = np.take_along_axis(fits, best[:, None], 1)[:, 0]
        hit[own] = right
        row, column = np.nonzero(right)
        taken[other[row, best[row, column]], column] = True
    return hit


def forgiven(hit: Bools, image: Ints, truth: TrueObjects, top_k: int) -> Bools:
    """Which wrong predictions do not count, (P, C): the surest top_k - 1 of an image for each of its true objects."""
    if not len(hit):
        return hit
    allowed = (top_k - 1) * np.bincount(truth.image, minlength=truth.num_images)[image]  # (P,)
    wrong = (~hit).cumsum(0)
    first = np.searchsorted(image, image, side="left")
    before = np.where(first[:, None] > 0, wrong[first - 1], 0)
    return ~hit & (wrong - before <= allowed[:, None])


def _overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union with the convention that both end pixels belong to a box."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    common = np.clip(high - low + 1, 0, None).prod(-1)
    first, second = (np.clip(box[..., 2:] - box[..., :2] + 1, 0, None).prod(-1) for box in (a, b))
    return common / (first + second - common + 1e-11)

"""Open-set recognition: known classes are told apart, and videos of unknown ones are noticed.

The protocol of DEAR (arXiv 2107.10161) and its public evaluation code. A video's logits are averaged over its views,
then become a score of strangeness. Test videos of unknown classes are the positives. Beside the areas under curves of
the score itself, which need no threshold, stands the area that one threshold gives, which DEAR's printed figures are.

Shape legend: B batch, V videos, K known classes, U unknown classes, P distinct scores.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.heads.evidential import concentration, opinion
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_figures
from internvideo_pl.metrics.curves import area_under_precision_recall, area_under_roc, false_positives_at
from internvideo_pl.metrics.openness import open_macro_f1
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

Array = NDArray[np.float64]
KNOWN, UNKNOWN, CALIBRATION = 0, 1, 2  # parts of a test; the last are training videos, which set the threshold
REJECTED = 0.05  # share of the training videos that the threshold rejects (DEAR)


def vacuity(logits: Tensor, evidence: str) -> Tensor:
    """Uncertainty of the Dirichlet distribution, K over the sum of its parameters: (V, K) -> (V,)."""
    return opinion(concentration(logits, evidence)).uncertainty


def improbability(logits: Tensor, evidence: str) -> Tensor:
    """One minus the largest softmax probability: (V, K) -> (V,)."""
    return 1 - logits.softmax(-1).amax(-1)


def energy(logits: Tensor, evidence: str) -> Tensor:
    """Free energy at temperature 1 (arXiv 2010.03759), high for what is strange: (V, K) -> (V,)."""
    return -logits.logsumexp(-1)


# name in the metrics -> score; the first is the protocol's, and its figures have no prefix
SCORES: dict[str, Callable[[Tensor, str], Tensor]] = {
    "vacuity": vacuity,
    "max_probability": improbability,
    "energy": energy,
}


def threshold_of(training: Array, ascending: bool = False) -> float:
    """The score that a twentieth of the training videos exceeds; with `ascending`, the slip of InternVideo's release.

    DEAR sorts downwards and takes element N - int(0.95 N) - 1. The release's script lost the reversal, so that it takes
    the same element of the ascending order: a threshold that nineteen twentieths exceed.
    """
    ordered = np.sort(training) if ascending else np.sort(training)[::-1]
    count = len(ordered)
    return float(ordered[max(count - int((1 - REJECTED) * count) - 1, 0)])


class OpenSet(SampleMetric):
    """Figures in percent of an open-set test.

    Args:
        num_classes: K.
        unknown_classes: U, of the official list, whether or not every class has a video here.
        evidence: How logits become evidence.
        missing: Videos of the official known and unknown test lists that cannot be scored, for the bounds.
    """

    def __init__(
        self,
        num_classes: int,
        unknown_classes: int,
        evidence: str = "exp",
        missing: tuple[int, int] = (0, 0),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_classes, self.unknown_classes, self.evidence, self.missing = (
            num_classes,
            unknown_classes,
            evidence,
            missing,
        )
        self.gathered: tuple[Tensor, Tensor, Tensor] | None = None
        self.add_rows("logits", (num_classes,), torch.float32)
        self.add_rows("label", (), torch.int64)
        self.add_rows("key", (3,), torch.int64)

    def update(self, logits: Tensor, label: Tensor, part: Tensor | int, index: Tensor, view: Tensor) -> None:
        """Add a batch of views.

        Args:
            logits: (B, K).
            label: int64 (B,), a known class, or the class of the unknown dataset.
            part: `KNOWN`, `UNKNOWN` or `CALIBRATION`; one for all, or int64 (B,).
            index: int64 (B,), the video's number in its list.
            view: int64 (B,), the view's number.
        """
        parts = part if isinstance(part, Tensor) else torch.full_like(index, part)
        self.append(logits=logits.float(), label=label, key=torch.stack([parts, index, view], dim=1))

    def compute(self) -> dict[str, float]:
        """All figures; those of scores other than vacuity, and of the thresholds, have a prefix.

        `AUROC` (with `/low` and `/high` for missing videos), `AUPR`, `FPR@95`; `closed/top1` of the known videos;
        `thresholded/AUROC` and `open_macro_F1` at DEAR's threshold, `release_threshold/AUROC` at the release's; the two
        last groups are left out where no training video was scored.

        Raises:
            UserError: No known or no unknown video was scored, or a score is not finite.
        """
        self.gathered = self._scored()
        logits, label, part = self.videos()
        known, unknown, training = (part == kind for kind in (KNOWN, UNKNOWN, CALIBRATION))
        if not (known.any() and unknown.any()):
            raise UserError("An open-set test needs videos of known and of unknown classes: check both test lists.")
        tested = known | unknown
        result: dict[str, float] = {}
        for name, score in SCORES.items():
            values = _numbers(score(logits, self.evidence))
            prefix = "" if name == "vacuity" else f"{name}/"
            result |= {f"{prefix}{k}": v for k, v in _areas(values[tested], unknown[tested]).items()}
        result |= self._bounds(result["AUROC"], int(known.sum()), int(unknown.sum()))
        predicted = _numbers(logits).argmax(-1)
        result["closed/top1"] = 100.0 * float((predicted == label)[known].mean())
        if training.any():
            result |= self._thresholded()(np.ones(int(tested.sum()), dtype=np.int64))
        return result

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals over other known and other unknown videos, thresholds held fast; after `compute`."""
        logits, label, part = self.videos()  # ordered by part
        known, unknown = (int((part == kind).sum()) for kind in (KNOWN, UNKNOWN))
        tested = known + unknown
        strange = np.arange(tested) >= known
        right = _numbers(logits).argmax(-1)[:known] == label[:known]
        scores = {
            "" if name == "vacuity" else f"{name}/": _numbers(score(logits, self.evidence))[:tested]
            for name, score in SCORES.items()
        }

        decided = self._thresholded() if (part == CALIBRATION).any() else lambda times: {}

        def figures(times: NDArray[np.int64]) -> dict[str, float]:
            found = {
                f"{prefix}{name}": value
                for prefix, values in scores.items()
                for name, value in _areas(np.repeat(values, times), np.repeat(strange, times)).items()
            }
            return {**found, **decided(times), "closed/top1": 100.0 * float((right * times[:known]).sum() / known)}

        return bootstrap_figures(figures, [known, unknown], shares={"closed/top1": known})

    def videos(self) -> tuple[Tensor, NDArray[np.int64], NDArray[np.int64]]:
        """Mean logits, float64 (V, K), labels and parts (V,), ordered by part and number; after `compute`."""
        logits, label, key = self.scored()
        return logits, label.cpu().numpy(), key[:, 0].cpu().numpy()

    def scored(self) -> tuple[Tensor, Tensor, Tensor]:
        """As `videos`, with the key (part, number) of each, int64 (V, 2)."""
        assert self.gathered is not None, "compute comes first: it gathers the videos of all processes"
        return self.gathered

    def _scored(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean logits, labels and keys of the videos in all rows.

        Raises:
            UserError: No video was scored, or the model's outputs are not finite.
        """
        key = self.rows("key")
        if not len(key):
            raise UserError("No test video was evaluated: check that both test lists have videos that decode.")
        keep = first_of_each(key)
        rows, labels, key = self.rows("logits")[keep].double(), self.rows("label")[keep], key[keep]
        if not rows.isfinite().all():
            raise UserError("The model's outputs are not finite numbers; load a checkpoint from before it diverged.")
        found, video = torch.unique(key[:, :2], dim=0, return_inverse=True)
        views = torch.bincount(video, minlength=len(found))
        total = rows.new_zeros(len(found), self.num_classes).index_add(0, video, rows)
        return total / views[:, None], torch.zeros_like(views).scatter(0, video, labels), found

    def _bounds(self, area: float, known: int, unknown: int) -> dict[str, float]:
        """The area if every pair with a missing video were ordered wrongly, then rightly."""
        pairs, all_pairs = known * unknown, (known + self.missing[0]) * (unknown + self.missing[1])
        low = area * pairs / all_pairs
        return {"AUROC/low": low, "AUROC/high": low + 100.0 * (all_pairs - pairs) / all_pairs}

    def _thresholded(self) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """What depends on the training videos' thresholds, from how many times each known and unknown video counts."""
        logits, label, part = self.videos()  # ordered by part
        strange, training = _numbers(vacuity(logits, self.evidence)), part == CALIBRATION
        strange, label, ordered = strange[~training], label[~training], strange[training]
        unknown = part[~training] == UNKNOWN
        limits = {"thresholded": threshold_of(ordered), "release_threshold": threshold_of(ordered, ascending=True)}
        rejected = {f"{name}/AUROC": (strange > limit).astype(np.float64) for name, limit in limits.items()}
        predicted = _numbers(logits).argmax(-1)[~training]
        answer = np.where(strange > limits["thresholded"], self.num_classes, predicted)

        def figures(times: NDArray[np.int64]) -> dict[str, float]:
            answers, labels, new = (np.repeat(each, times) for each in (answer, label, unknown))
            areas = {name: 100.0 * area_under_roc(np.repeat(each, times), new) for name, each in rejected.items()}
            f1 = open_macro_f1(
                *(answers[~new], labels[~new], answers[new], labels[new]), self.num_classes, self.unknown_classes
            )
            return {**areas, "open_macro_F1": 100.0 * f1}

        return figures


def _areas(score: Array, unknown: NDArray[np.bool_]) -> dict[str, float]:
    return {
        "AUROC": 100.0 * area_under_roc(score, unknown),
        "AUPR": 100.0 * area_under_precision_recall(score, unknown),
        "FPR@95": 100.0 * false_positives_at(score, unknown, 0.95),
    }


def _numbers(values: Tensor) -> Array:
    return values.detach().cpu().numpy()

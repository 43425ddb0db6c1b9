"""Vision-and-language navigation: path length, distance to the goal, success, and likeness to the reference path.

Two evaluators are in use on R2R-CE, and both are computed. The official one (VLN-CE's measures over habitat-lab's)
judges every action, and succeeds where the agent stops less than 3 m from the goal. InternVideo's release takes 3 m
itself too, comes near the goal only where a decision ends, compares the path of forward actions alone with a resampled
ground truth, and counts decisions (trainer_HAMT.py, nav.py, measures.py). Its figures are named `release/...`.

Shape legend: N positions of an agent, D its decisions, M positions of a reference path, E episodes, F figures of an
episode.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.bootstrap import Interval, bootstrap_mean
from internvideo_pl.metrics.paths import length, ndtw, resample, without_repeats
from internvideo_pl.metrics.samples import SampleMetric, first_of_each

SUCCESS_DISTANCE = 3.0  # metres: VLN-CE's task configuration
SHARES = ("OSR", "SR", "SPL", "nDTW", "sDTW")  # in percent; a missing episode can be anything from 0 to 100
OFFICIAL = ("TL", "NE", *SHARES, "steps", "collisions")
RELEASE = ("OSR", "SR", "SPL", "nDTW", "steps", "collisions")  # the rest is the same
FIGURES = (*OFFICIAL, *(f"release/{name}" for name in RELEASE))


@dataclass(frozen=True)
class Journey:
    """What an agent did in one episode.

    Attributes:
        positions: float64 (N, 3), where it was at the start and after every action, turns included.
        distances: float64 (N,), geodesic distances from there to the goal, in metres.
        forward: bool (N - 1,), which actions were to go forward.
        ends: int64 (D,), the position at which each decision ended, that to stop included.
        stopped: Whether it said stop itself.
        collisions: Forward actions that met an obstacle.
    """

    positions: NDArray[np.float64]
    distances: NDArray[np.float64]
    forward: NDArray[np.bool_]
    ends: NDArray[np.int64]
    stopped: bool
    collisions: int = 0


def weighted_by_length(success: float, shortest: float, travelled: float) -> float:
    """SPL of one episode: success times the shortest path's length over the longer of it and the path travelled."""
    longer = max(shortest, travelled)
    return success * shortest / longer if longer > 0 else success


def figures(journey: Journey, reference: NDArray[np.float64]) -> dict[str, float]:
    """All of `FIGURES` for one episode: lengths in metres, the rest as fractions and counts.

    Args:
        journey: What the agent did.
        reference: float64 (M, 3), `locations` of the official ground truth.
    """
    return {**_official(journey, reference), **{f"release/{k}": v for k, v in _release(journey, reference).items()}}


def _official(journey: Journey, reference: NDArray[np.float64]) -> dict[str, float]:
    """`OFFICIAL`, as VLN-CE has them."""
    moved, distances = without_repeats(journey.positions), journey.distances
    travelled = length(moved)
    success = float(journey.stopped and distances[-1] < SUCCESS_DISTANCE)
    likeness = ndtw(moved, reference, SUCCESS_DISTANCE)
    return {
        "TL": travelled,
        "NE": float(distances[-1]),
        "OSR": float((distances < SUCCESS_DISTANCE).any()),
        "SR": success,
        "SPL": weighted_by_length(success, float(distances[0]), travelled),
        "nDTW": likeness,
        "sDTW": success * likeness,
        "steps": float(len(journey.positions) - 1),
        "collisions": float(journey.collisions),
    }


def _release(journey: Journey, reference: NDArray[np.float64]) -> dict[str, float]:
    """`RELEASE`: the agent's path is its start and a position for each forward action, one that got nowhere too."""
    path = journey.positions[np.concatenate([[True], journey.forward])]
    judged = journey.distances[np.concatenate([[0], journey.ends])]
    success = float(journey.stopped and judged[-1] <= SUCCESS_DISTANCE)
    return {
        "OSR": float((judged <= SUCCESS_DISTANCE).any()),
        "SR": success,
        "SPL": weighted_by_length(success, float(judged[0]), length(path)),
        "nDTW": ndtw(path, resample(reference), SUCCESS_DISTANCE),
        "steps": float(len(journey.ends)),
        "collisions": journey.collisions / max(len(path) - 1, 1),
    }


class Navigation(SampleMetric):
    """Means over episodes: TL and NE in metres, shares in percent, steps and collisions as counts.

    After `compute`, `missing` lists the numbers of the official episodes that were not seen.
    """

    def __init__(self, official: int, **kwargs: Any):
        """Prepare for `official` episodes, numbered 0 to `official` - 1 as in the official list."""
        super().__init__(**kwargs)
        self.official = official
        self.missing: list[int] = []
        self.add_rows("figures", (len(FIGURES),), torch.float64)
        self.add_rows("number", (), torch.int64)

    def update(self, number: int, journey: Journey, reference: NDArray[np.float64]) -> None:
        """Add an episode.

        Args:
            number: Its position in the official list.
            journey: What the agent did.
            reference: float64 (M, 3), the ground-truth locations.
        """
        found = figures(journey, reference)
        row = torch.tensor([[found[name] for name in FIGURES]], dtype=torch.float64, device=self.device)
        self.append(figures=row, number=torch.tensor([number], device=self.device))

    def compute(self) -> dict[str, float]:
        """The mean of every figure, and `SPL/low`, `SPL/high` and the like where episodes are missing.

        The bounds count each missing episode as 0, then as 1.

        Raises:
            UserError: no episode was seen.
        """
        numbers, rows = self.episodes()
        self.missing = sorted(set(range(self.official)) - set(numbers))
        means = dict(zip(FIGURES, rows.mean(0).tolist(), strict=True))
        result = {name: 100 * mean if _share(name) else mean for name, mean in means.items()}
        if self.missing:
            seen, total = len(numbers), len(numbers) + len(self.missing)
            for name in filter(_share, FIGURES):
                result[f"{name}/low"] = 100 * means[name] * seen / total
                result[f"{name}/high"] = 100 * (means[name] * seen + len(self.missing)) / total
        return result

    def intervals(self, route: Tensor | None = None) -> dict[str, Interval]:
        """95 % intervals of all figures over other routes.

        Args:
            route: int64 (official,), the route of each episode: several instructions for one stay together. None where
                each has its own.
        """
        numbers, rows = self.episodes()
        own = None if route is None else route[numbers]
        found = {
            name: bootstrap_mean(100 * rows[:, column], own, right=100.0)
            if _share(name)
            else bootstrap_mean(rows[:, column], own)
            for column, name in enumerate(FIGURES)
        }
        return {name: interval for name, interval in found.items() if interval is not None}

    def episodes(self) -> tuple[list[int], Tensor]:
        """Sorted numbers of the episodes seen and their figures, float64 (E, F) in the order of `FIGURES`.

        Raises:
            UserError: no episode was seen.
        """
        number = self.rows("number")
        if not len(number):
            raise UserError("No episode was evaluated: check that the scenes of the test episodes are there.")
        keep = first_of_each(number)
        return number[keep].tolist(), self.rows("figures")[keep]


def _share(name: str) -> bool:
    return name.removeprefix("release/") in SHARES

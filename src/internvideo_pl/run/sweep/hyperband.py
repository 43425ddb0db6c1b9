"""Hyperband's early stop, as Weights & Biases' sweeps have it (`early_terminate: {type: hyperband}`).

A trial's iterations are the values of the metric that it has logged. At each bracket it goes on only if the best value
that it has had so far is among the best 1 / eta of what all trials had by that iteration.
Source: Li et al., "Hyperband", arXiv 1603.06560, and the keys of Weights & Biases' documentation.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from internvideo_pl.errors import UserError, hint

KEYS = ("type", "min_iter", "max_iter", "s", "eta", "strict")
LARGEST = 1_000_000_000  # iterations
MOST = 20  # brackets that are ever asked for: with eta = 2 the last one is after a million iterations


@dataclass(frozen=True)
class Hyperband:
    """When to stop a trial.

    Attributes:
        brackets: Iterations at which a trial is judged, rising.
        eta: Of so many trials one goes on.
        strict: Whether a trial is judged by its value at the bracket, and not by its best up to it.
    """

    brackets: tuple[int, ...]
    eta: float = 3.0
    strict: bool = False

    def stops(self, mine: Sequence[float], others: Sequence[Sequence[float]], maximize: bool) -> bool:
        """Whether a trial is to end now.

        Args:
            mine: What it has logged of the metric so far.
            others: The same of every other trial, ended or not.
            maximize: Whether more is better.
        """
        reached = [bracket for bracket in self.brackets if bracket <= len(mine)]
        if not reached:
            return False
        bracket = reached[-1]
        score = self._score(mine, bracket, maximize)
        rest = [self._score(values, bracket, maximize) for values in others if len(values) >= bracket]
        if not rest:
            return False
        kept = max(math.ceil((len(rest) + 1) / self.eta), 1)  # how many of all that came so far may go on
        better = sum(value > score for value in rest)
        return better >= kept

    def _score(self, values: Sequence[float], bracket: int, maximize: bool) -> float:
        """The more the better; what is not finite is worst."""
        seen = [values[bracket - 1]] if self.strict else values[:bracket]
        signed = [value if maximize else -value for value in seen if math.isfinite(value)]
        return max(signed, default=-math.inf)


def read_hyperband(said: Any) -> Hyperband:
    """The `early_terminate` of a sweep's file.

    Raises:
        UserError: A key is unknown, or its brackets cannot be told.
    """
    where = "early_terminate"
    if not isinstance(said, Mapping) or said.get("type") != "hyperband":
        raise UserError(f"{where}: type must be hyperband, got {said!r}")
    for key in said:
        if key not in KEYS:
            raise UserError(f"{where}: there is no key {key!r}.{hint(key, KEYS)}")
    eta = said.get("eta", 3)
    if type(eta) not in (int, float) or not 1 < eta <= LARGEST:
        raise UserError(f"{where}: eta must be a number above 1, up to {LARGEST}, got {eta!r}")
    for key, most in (("min_iter", LARGEST), ("max_iter", LARGEST), ("s", MOST)):
        if key in said and (type(said[key]) is not int or not 1 <= said[key] <= most):
            raise UserError(f"{where}: {key} must be a whole number from 1 to {most}, got {said[key]!r}")
    strict = said.get("strict", False)
    if type(strict) is not bool:
        raise UserError(f"{where}: strict must be true or false, got {strict!r}")
    if "min_iter" in said:
        brackets = [said["min_iter"] * eta**i for i in range(MOST)]
    elif "max_iter" in said and "s" in said:
        brackets = [said["max_iter"] / eta**i for i in range(said["s"], 0, -1)]
    else:
        raise UserError(f"{where}: say min_iter, or max_iter and s (how many brackets there are)")
    whole = sorted({max(round(bracket), 1) for bracket in brackets})
    return Hyperband(tuple(whole), float(eta), strict)

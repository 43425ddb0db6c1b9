"""The parameters of a sweep: Weights & Biases' distributions, and how optuna draws from them.

What optuna draws is an inner value (a number, or the number of a choice); `outer` makes of it what the experiment gets.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from internvideo_pl.errors import UserError, hint

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Inner = float | int
NEEDS = {  # distribution -> the numbers that it must be given; "q" is 1 where it is left out
    "constant": ("value",),
    "categorical": ("values",),
    "int_uniform": ("min", "max"),
    "uniform": ("min", "max"),
    "q_uniform": ("min", "max"),
    "log_uniform": ("min", "max"),
    "log_uniform_values": ("min", "max"),
    "q_log_uniform_values": ("min", "max"),
    "inv_log_uniform_values": ("min", "max"),
    "normal": ("mu", "sigma"),
    "q_normal": ("mu", "sigma"),
    "log_normal": ("mu", "sigma"),
}
KEYS = ("distribution", "value", "values", "probabilities", "min", "max", "mu", "sigma", "q")
MAY = {"categorical": ("probabilities",)}  # what it may be given besides; those that begin with q_ may have a q
LARGEST = 1e300  # of a number that is said
EXPONENT = 600  # of e
MOST = 10_000  # values of a grid
EDGE = 1e-6  # of a normal distribution that is cut off at either end


@dataclass(frozen=True)
class Parameter:
    """One parameter of a sweep.

    Attributes:
        name: The experiment's key, such as `optimizer.lr`.
        kind: Its distribution, in Weights & Biases' words.
        choices: What a constant or categorical may be.
        weights: Probability of each choice; empty for equal ones.
        low: Least inner value of a number; of a normal distribution, a share.
        high: Greatest one.
        step: Distance of the values that it may have; None for all.
        mu: Of a normal distribution.
        sigma: Likewise.
    """

    name: str
    kind: str
    choices: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 1.0
    step: float | None = None
    mu: float = 0.0
    sigma: float = 1.0

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.kind == "constant"

    @property
    def logarithmic(self) -> bool:
        """Whether its values are told apart by ratios."""
        return "log" in self.kind

    def distribution(self) -> "BaseDistribution":
        """What optuna draws the inner value from."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.weights or "normal" in self.kind:
            return FloatDistribution(self.low, self.high)  # a share, of which `outer` makes the value
        if self.choices:
            return CategoricalDistribution(range(len(self.choices)))
        if self.kind == "int_uniform":
            return IntDistribution(int(self.low), int(self.high))
        if self.kind == "q_uniform":
            return FloatDistribution(self.low, self.high, step=self.step)
        return FloatDistribution(self.low, self.high, log=self.logarithmic)

    def outer(self, inner: Inner) -> Any:
        """The experiment's value for what was drawn."""
        if self.weights:
            total, number = 0.0, 0
            while number < len(self.weights) - 1 and inner > (total := total + self.weights[number]):
                number += 1
            return self.choices[number]
        if self.choices:
            return self.choices[int(inner)]
        if "normal" in self.kind:
            drawn = NormalDist(self.mu, self.sigma).inv_cdf(inner)
            inner = math.exp(drawn) if self.kind == "log_normal" else drawn
        if self.kind.startswith("q_") and self.step:
            inner = round(inner / self.step) * self.step
            return int(inner) if float(self.step).is_integer() else float(f"{inner:.12g}")
        return int(inner) if self.kind == "int_uniform" else float(f"{inner:.6g}")

    def inner(self, value: Any) -> Inner:
        """What could have been drawn for a value: `outer` backwards."""
        if self.choices:
            number = self.choices.index(value)
            return sum(self.weights[:number]) + self.weights[number] / 2 if self.weights else number
        if "normal" in self.kind:
            drawn = math.log(value) if self.kind == "log_normal" else value
            return min(max(NormalDist(self.mu, self.sigma).cdf(drawn), self.low), self.high)
        if self.kind == "q_uniform" and self.step:
            value = self.low + round((value - self.low) / self.step) * self.step
        return int(value) if self.kind == "int_uniform" else min(max(float(value), self.low), self.high)

    def grid(self) -> tuple[Any, ...]:
        """Every value that it can have, for a grid.

        Raises:
            UserError: It can have endlessly many.
        """
        if self.choices:
            return self.choices
        step = 1.0 if self.kind == "int_uniform" else self.step if self.kind == "q_uniform" else None
        if step and (self.high - self.low) / step > MOST:
            raise UserError(f"parameters.{self.name}: a grid has at most {MOST} values; name `values: [...]`")
        if self.kind == "int_uniform":
            return tuple(range(int(self.low), int(self.high) + 1))
        if self.kind == "q_uniform" and self.step:
            return tuple(
                self.outer(self.low + i * self.step) for i in range(int((self.high - self.low) / self.step) + 1)
            )
        raise UserError(
            f"parameters.{self.name}: a grid wants values, {self.kind} has endlessly many; name `values: [...]`"
        )

    def examples(self) -> tuple[Any, ...]:
        """Values with which the experiment is tried before anything runs: all choices, or both ends."""
        return self.choices or (self.outer(self.low), self.outer(self.high))


def read_parameter(name: str, said: Any) -> Parameter:
    """A parameter as a sweep's file says it.

    Raises:
        UserError: A key, a distribution or a number is missing, unknown or impossible.
    """
    where = f"parameters.{name}"
    if not isinstance(name, str):
        raise UserError(f"parameters: {name!r} is no key of an experiment, such as optimizer.lr")
    if not isinstance(said, Mapping):
        raise UserError(f"{where} must be a mapping, such as {{values: [...]}} or {{min: .., max: ..}}, got {said!r}")
    if "parameters" in said:
        raise UserError(f"{where}: nested parameters are not read here; name the inner keys with dots, as in {name}.lr")
    for key in said:
        if key not in KEYS:
            raise UserError(f"{where}: there is no key {key!r}.{hint(key, KEYS)}")
    kind = said.get("distribution") or _implied(said, where)
    if not isinstance(kind, str) or kind not in NEEDS:
        raise UserError(f"{where}: the distribution {kind!r} is not one that is read here.{hint(kind, NEEDS)}")
    missing = [key for key in NEEDS[kind] if key not in said]
    if missing:
        raise UserError(f"{where}: {kind} needs {' and '.join(missing)}")
    mine = ("distribution", *NEEDS[kind], *(("q",) if kind.startswith("q_") else ()), *MAY.get(kind, ()))
    for key in said:
        if key not in mine:
            raise UserError(f"{where}: {kind} has no use for {key}")
    parameter = _MAKERS.get(kind, _number)(name, kind, said, where)
    try:
        parameter.examples()
    except OverflowError as error:
        raise UserError(f"{where}: the ends of {kind} are too large for a number") from error
    return parameter


def _implied(said: Mapping[str, Any], where: str) -> str:
    """The distribution that Weights & Biases takes where none is named."""
    if "value" in said:
        return "constant"
    if "values" in said:
        return "categorical"
    ends = [said.get("min"), said.get("max")]
    if None in ends:
        raise UserError(f"{where} needs a value, values, or min and max")
    return "int_uniform" if all(type(end) is int for end in ends) else "uniform"


def _constant(name: str, kind: str, said: Mapping[str, Any], where: str) -> Parameter:
    _refuse_no_number(said["value"], where)
    return Parameter(name, kind, choices=(said["value"],))


def _categorical(name: str, kind: str, said: Mapping[str, Any], where: str) -> Parameter:
    values, weights = said["values"], said.get("probabilities", [])
    if not isinstance(values, list) or not values:
        raise UserError(f"{where}: values must be a list with at least one value, got {values!r}")
    for value in values:
        _refuse_no_number(value, where)
    if "probabilities" in said and not _are_probabilities(weights, len(values)):
        raise UserError(
            f"{where}: probabilities must be numbers from 0 to 1, one for each of the {len(values)} values, "
            f"that add up to 1, got {weights!r}"
        )
    return Parameter(name, kind, choices=tuple(values), weights=tuple(map(float, weights)))


def _are_probabilities(said: Any, count: int) -> bool:
    if not isinstance(said, list) or len(said) != count:
        return False
    numbers = all(type(each) in (int, float) and 0 <= each <= 1 for each in said)
    return numbers and math.isclose(math.fsum(said), 1, abs_tol=1e-6)


def _refuse_no_number(value: Any, where: str) -> None:
    """Refuses infinities and what is not a number, also inside lists: a command line cannot say them.

    Raises:
        UserError: It is or has one.
    """
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, Mapping) else []
    for each in inner:
        _refuse_no_number(each, where)
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where}: {value!r} is no value that an experiment can have")


def _normal(name: str, kind: str, said: Mapping[str, Any], where: str) -> Parameter:
    mu, sigma = (_real(said, key, where) for key in ("mu", "sigma"))
    if sigma <= 0:
        raise UserError(f"{where}: sigma must be positive, got {sigma:g}")
    return Parameter(name, kind, low=EDGE, high=1 - EDGE, mu=mu, sigma=sigma, step=_step(kind, said, where))


def _number(name: str, kind: str, said: Mapping[str, Any], where: str) -> Parameter:
    low, high = _real(said, "min", where), _real(said, "max", where)
    if kind == "log_uniform":  # whose ends are exponents of e
        if max(abs(low), abs(high)) > EXPONENT:
            raise UserError(
                f"{where}: min and max of log_uniform are exponents of e, at most {EXPONENT}, got {low:g} and "
                f"{high:g}; log_uniform_values takes the values themselves"
            )
        low, high = math.exp(low), math.exp(high)
    if kind == "int_uniform" and not (low.is_integer() and high.is_integer()):
        raise UserError(f"{where}: min and max of int_uniform must be whole numbers, got {low:g} and {high:g}")
    if not low < high:
        raise UserError(f"{where}: min must be less than max, got {low:g} and {high:g}")
    if "log" in kind and low <= 0:
        raise UserError(
            f"{where}: min of {kind} must be positive, got {low:g}; log_uniform takes exponents of e instead"
        )
    return Parameter(name, kind, low=low, high=high, step=_step(kind, said, where))


def _step(kind: str, said: Mapping[str, Any], where: str) -> float | None:
    if not kind.startswith("q_"):
        return None
    step = _real({"q": 1, **said}, "q", where)
    if step <= 0:
        raise UserError(f"{where}: q must be positive, got {step:g}")
    return step


def _real(said: Mapping[str, Any], key: str, where: str) -> float:
    value = said[key]
    if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
        raise UserError(f"{where}: {key} must be a number, got {value!r}")
    return float(value)


_MAKERS: dict[str, Callable[[str, str, Mapping[str, Any], str], Parameter]] = {
    "constant": _constant,
    "categorical": _categorical,
    **dict.fromkeys(("normal", "q_normal", "log_normal"), _normal),
}

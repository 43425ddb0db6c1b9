"""Loss curves of a run's stages, from the `metrics.csv` that Lightning's CSV logger leaves."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.tables.drawing import Drawing, to_svg
from internvideo_pl.tables.plot import Line, line_drawing, line_plot

UNLIKE = ("pace",)  # kinds whose quantities have units of their own, so that each has its own drawing
SMOOTHING = 0.03  # of a curve's length on either side goes into the mean that is drawn boldly


@dataclass(frozen=True)
class Series:
    """One logged quantity: its name, and its value at each step where it was logged."""

    name: str
    steps: list[int]
    values: list[float]


@dataclass(frozen=True)
class Curve:
    """A finished drawing: SVG text, and in words what it shows."""

    title: str
    svg: str
    alt: str


def read_metrics(path: Path) -> dict[str, Series]:
    """All columns of a `metrics.csv` that hold numbers, against its `step` column.

    Raises:
        UserError: there is no such file, or it is not a table of numbers with steps.
    """
    series: dict[str, Series] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for record in csv.DictReader(file):
                for name, text in record.items():
                    if text and name not in ("step", "epoch"):
                        one = series.setdefault(name, Series(name, [], []))
                        one.steps.append(int(record["step"]))
                        one.values.append(float(text))
    except OSError as error:
        raise UserError(f"The training log {path} cannot be read ({error.strerror}).") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a training log: it needs a column 'step' and numbers under it.") from error
    return series


def loss_curves(stages: Sequence[tuple[str, Path]]) -> list[Curve]:
    """One drawing for each stage, given as its name and its `metrics.csv`: every loss that was logged.

    Where a loss was logged by step and by epoch, the one by step is drawn.
    """
    curves = []
    for title, path in stages:
        series = read_metrics(path)
        losses = [one for key, one in series.items() if "loss" in key.rsplit("/", 1)[-1]]
        losses = [one for one in losses if one.name.removesuffix("_epoch") + "_step" not in series]
        lines = [Line(_label(one.name), one.steps, one.values, running_mean(one.values)) for one in losses]
        alt = _words(title, lines)
        curves.append(Curve(title, line_plot(lines, alt, x_label="step"), alt))
    return curves


def run_curves(path: Path) -> list[Curve]:
    """`run_drawings` as SVG, with their titles and words."""
    return [Curve(kind, to_svg(drawing), drawing.alt) for kind, drawing in run_drawings(path).items()]


def run_drawings(path: Path) -> dict[str, Drawing]:
    """Everything that a run logged on its way, one drawing for each kind (the part of a name before the slash).

    Of a kind without a common unit there is one for each quantity, named "<kind>: <quantity>". Nothing where there is
    no such log, or a damaged one.
    """
    try:
        series = read_metrics(path)
    except UserError:
        return {}
    kinds: dict[str, list[Series]] = {}
    for one in series.values():
        if len(one.steps) > 1:
            kind = one.name.partition("/")[0] if "/" in one.name else "schedule"
            named = f"{kind}: {_label(one.name.partition('/')[2])}" if kind in UNLIKE else kind
            kinds.setdefault(named, []).append(one)
    drawings = {}
    for kind, members in kinds.items():
        lines = [
            Line(_label(one.name.removeprefix(f"{kind}/")), one.steps, one.values, running_mean(one.values))
            for one in members
        ]
        drawings[kind] = line_drawing(lines, _words(kind, lines), x_label="step", empty="nothing finite was logged")
    return drawings


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean over a window around each value, so that a falling curve is not drawn late; gaps (NaN) are left out.

    At the ends the window holds what there is.
    """
    reach = round(SMOOTHING * len(values))
    means = []
    for i in range(len(values)):
        window = [value for value in values[max(0, i - reach) : i + reach + 1] if math.isfinite(value)]
        means.append(sum(window) / len(window) if window else math.nan)
    return means


def _label(name: str) -> str:
    """The words "caption loss" for "train/caption_loss_step"; a split other than training is named."""
    split, _, rest = name.removesuffix("_step").removesuffix("_epoch").rpartition("/")
    words = rest.replace("_", " ")
    return words if split in ("", "train") else f"{split} {words}"


def _words(title: str, lines: Sequence[Line]) -> str:
    """What the drawing shows, for those who do not see it."""
    parts = []
    for line in lines:
        smooth = [value for value in line.smooth if math.isfinite(value)]
        if smooth:
            parts.append(f"{line.label} from {smooth[0]:.3g} to {smooth[-1]:.3g}")
    if not parts:
        return f"{title}: no loss was logged"
    return f"{title}, up to step {lines[0].steps[-1]:,}: {'; '.join(parts)}"

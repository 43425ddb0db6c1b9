"""Which results may stand beside the paper and each other, and what agrees with it."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from internvideo_pl.tables.paper import paper
from internvideo_pl.tables.protocol import NOT_RECORDED, PAPER_PROTOCOLS, differences, unlike_values
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.seeds import Result, results
from internvideo_pl.tables.verdict import against_paper, bounds, gain

BUDGET = ("frames", "sampling", "size", "views", "crops")  # of a protocol: the model's, alike on all benchmarks or not
ONE_TEST = timedelta(minutes=1)  # within which a test writes all of its rows


def comparable(found: Iterable[Result], benchmark: str, metric: str) -> list[Result]:
    """Results on the benchmark's real data and of the paper's protocol that have the metric."""
    return [
        one
        for one in found
        if one.row.benchmark == benchmark
        and not one.row.mini
        and metric in one.row.metrics
        and not differences(one.row.protocol, PAPER_PROTOCOLS[benchmark])
    ]


def best_of_each(found: Sequence[Result], benchmark: str, metric: str) -> list[Result]:
    """Of comparable results the best of every protocol, best first; those of unlike protocols are not ranked by it."""
    top: dict[str, Result] = {}
    for one in comparable(found, benchmark, metric):
        before = top.get(one.row.fingerprint)
        if before is None or _worth(one.row, metric) > _worth(before.row, metric):
            top[one.row.fingerprint] = one
    return sorted(top.values(), key=lambda one: _worth(one.row, metric), reverse=True)


def dividing_fields(columns: Sequence[Sequence[Result]]) -> list[str]:
    """Fields of the protocols that keep figures apart: all that differ within a column, of a budget also across."""
    within = [name for column in columns for name in _unlike(column)]
    across = [name for name in _unlike([one for column in columns for one in column]) if name in BUDGET]
    return list(dict.fromkeys([*within, *across]))


def protocol_words(row: Row, fields: Iterable[str]) -> str:
    """The fields with their values, such as "views 7x3, frames 16"."""
    own = _identity(row)
    return ", ".join(f"{name} {own.get(name, NOT_RECORDED)}" for name in fields)


def reproduced(rows: Sequence[Row]) -> list[str]:
    """Which printed figures experiments agree with, as "<benchmark> by <experiment>", with the metric where it is not
    the headline.

    An experiment is judged by its newest comparable run, of whatever recipe, model and budget.
    """
    agreeing, found = [], results(rows)
    for each in paper().benchmarks.values():
        for metric in each.paper:
            judged = [one for one in comparable(found, each.id, metric) if one.row.headline == each.headline]
            what = each.id if metric == each.headline else f"{each.id} {metric}"
            for experiment in dict.fromkeys(one.row.experiment for one in judged):
                newest = _newest([one for one in judged if one.row.experiment == experiment])
                if any(against_paper(one.row, metric).text.startswith("reproduced") for one in newest):
                    agreeing.append(f"{what} by {experiment}")
    return agreeing


def _newest(found: Sequence[Result]) -> list[Result]:
    """Of results in their order, those of the newest run: a test may judge several models at once."""
    last = found[-1].row

    def key(row: Row) -> tuple[Any, ...]:
        return row.folder, row.config_hash, row.seed, row.seconds

    return [one for one in found if key(one.row) == key(last) and _age(one.row, last) <= ONE_TEST]


def _age(row: Row, other: Row) -> timedelta:
    return abs(datetime.fromisoformat(other.created) - datetime.fromisoformat(row.created))


def _worth(row: Row, metric: str) -> tuple[bool, float]:
    """How good a result is for certain, with all missing videos wrong; last where that is unknown."""
    ends = bounds(row, metric)
    worst = min(gain(metric, end, 0.0) for end in ends or (row.metrics[metric],))
    return ends is not None or row.coverage.complete, worst if math.isfinite(worst) else -math.inf


def _identity(row: Row) -> dict[str, Any]:
    return {**row.protocol, "task": row.task}


def _unlike(found: Sequence[Result]) -> list[str]:
    """Names of the fields that results do not agree in."""
    return list(unlike_values(_identity(one.row) for one in found))

"""Means over the stages of an experiment that are the splits of one benchmark, as HMDB51 is reported."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from internvideo_pl.config import Experiment
from internvideo_pl.errors import UserError
from internvideo_pl.tables.row import MEAN, Coverage, Row, write_row


def write_averages(plan: Experiment, rows: Sequence[Row], folder: Path) -> list[Row]:
    """Writes one row for each model of the stages, in place of those of an earlier start.

    Args:
        plan: The experiment with the stages; its `average` names the splits.
        rows: Of all stages.
        folder: The experiment's own.

    Raises:
        UserError: The rows of a model differ in more than their split, or are not one for each split.
    """
    for leftover in folder.glob("row-*.json"):
        leftover.unlink()
    models: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        models.setdefault((row.model, row.task), []).append(row)
    averages = [mean_row(plan, group) for group in models.values()]
    for row in averages:
        write_row(row, folder)
    return averages


def mean_row(plan: Experiment, rows: Sequence[Row]) -> Row:
    """The mean of one model's rows; cost and coverage are summed.

    Raises:
        UserError: The rows differ in more than their split, or share it.
    """
    first = rows[0]
    splits = [str(row.protocol["split"]) for row in rows]
    if len(set(splits)) != len(splits):
        raise UserError(f"{plan.name} averages over splits, but {first.model} was tested on {splits[0]} twice")
    for row in rows:
        if {**row.protocol, "split": ""} != {**first.protocol, "split": ""} or row.headline != first.headline:
            raise UserError(f"{plan.name} averages over splits: all else of their protocols must agree ({first.model})")
    kwh = [row.kwh for row in rows]
    carbon = [row.kg_co2 for row in rows]
    return replace(
        first,
        experiment=plan.name,
        model=f"{first.model}, mean of {len(rows)} splits",
        benchmark=plan.benchmark,
        metrics=_means([row.metrics for row in rows]),
        chance=_means([row.chance for row in rows]),
        protocol={**first.protocol, "split": f"{MEAN}{plan.average}"},
        coverage=Coverage(
            sum(row.coverage.used for row in rows),
            sum(row.coverage.official for row in rows),
            tuple(chain.from_iterable(row.coverage.missing for row in rows)),
        ),
        parents={
            f"{role} ({split})": sha
            for row, split in zip(rows, splits, strict=True)
            for role, sha in row.parents.items()
        },
        config_hash=_joined([row.config_hash for row in rows]),
        recipe=_joined([row.recipe for row in rows]),
        intervals={},
        seconds=sum(row.seconds for row in rows),
        gpu_hours=sum(row.gpu_hours for row in rows),
        kwh=None if None in kwh else sum(value for value in kwh if value is not None),
        kg_co2=None if None in carbon else sum(value for value in carbon if value is not None),
        created=max(row.created for row in rows),
    )


def _joined(hashes: Sequence[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _means(tables: Sequence[dict[str, float]]) -> dict[str, float]:
    """Mean of every figure that all tables have."""
    names = [name for name in tables[0] if all(name in table for table in tables)]
    return {name: sum(table[name] for table in tables) / len(tables) for name in names}

"""Which rows of a classifier serve the classes of another one, as for Kinetics-400 after training on Kinetics-710."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from internvideo_pl.errors import UserError

# Kinetics-710's classes begin with those of Kinetics-400 (VideoMAE's and UniFormerV2's loaders in the public release).
# 600 and 700 are scattered among them, in an order that only a list can tell.
FIRST_ROWS = {(710, 400)}


def select_rows(value: Tensor, count: int, rows: Sequence[int] | None) -> Tensor | None:
    """The rows of a classifier's weight or bias for other classes.

    Args:
        value: (K, ...), a row for each of the file's classes.
        count: K of the model.
        rows: Row for each class of the model; None for the rule of the release.

    Returns:
        (count, ...), or None when no rule says which.
    """
    if rows is not None:
        fits = len(rows) == count and max(rows, default=0) < len(value)
        return value[torch.tensor(rows)] if fits else None
    return value[:count] if len(value) == count or (len(value), count) in FIRST_ROWS else None


def read_rows(path: Path, names: Sequence[str] = ()) -> list[int]:
    """The rows in a JSON file.

    Args:
        path: Either a list of rows, one for each class of the model in its order (the label maps of the release), or a
            mapping of class names to rows.
        names: The model's classes in its order; needed to choose from a mapping that has others too.

    Raises:
        UserError: The file holds neither, or lacks a class.
    """
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error
    if isinstance(values, dict):
        missing = [name for name in names if name not in values]
        if missing:
            raise UserError(f"{path} has no row for {len(missing)} of the classes, {missing[0]!r} first.")
        values = [values[name] for name in names] if names else list(values.values())
    if not isinstance(values, list) or not values or not all(type(row) is int and row >= 0 for row in values):
        raise UserError(f"{path} must hold a list of rows, or class names with their rows; rows are counted from 0.")
    return values

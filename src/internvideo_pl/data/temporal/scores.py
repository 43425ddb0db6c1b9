"""Class scores of whole videos, in the format of ActivityNet's classification task.

    {"version": "VERSION 1.3", "results": {"<id>": [{"label": "<class>", "score": 0.9}, ...]}, "external_data": {}}
Localisers that find actions without naming them take the names from here.
Legend: V videos, K classes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.official import read_json
from internvideo_pl.errors import UserError, hint

SCORES = "scores.json"  # in a run's folder
DIGITS = 6


def scores_text(keys: Sequence[str], scores: NDArray[np.floating], classes: Sequence[str]) -> str:
    """The file's text for the scores (V, K) of videos."""
    results = {
        key: [
            {"label": name, "score": round(float(score), DIGITS)}
            for score, name in sorted(zip(row, classes, strict=True), reverse=True)
        ]
        for key, row in zip(keys, scores, strict=True)
    }
    return json.dumps({"version": "VERSION 1.3", "results": results, "external_data": {}})


def read_scores(path: Path, classes: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """The scores (K,) of each video, by official id; 0 for classes that are not named.

    Raises:
        UserError: The file is no such file, or names a class that there is not.
    """
    content = read_json(path)
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict):
        raise UserError(f'{path}: class scores are an object with the key "results"')
    index = {name: label for label, name in enumerate(classes)}
    return {key.removeprefix("v_"): _row(told, f"{path}, video {key}", index) for key, told in results.items()}


def _row(told: object, where: str, index: Mapping[str, int]) -> NDArray[np.float64]:
    row = np.zeros(len(index))
    if not isinstance(told, list):
        raise UserError(f"{where}: its entry is {told!r}, not a list of labels and scores")
    for each in told:
        label, score = (each.get("label"), each.get("score")) if isinstance(each, dict) else (None, None)
        if not isinstance(label, str) or label not in index:
            raise UserError(f"{where}: there is no class {label!r}.{hint(str(label), index)}")
        if isinstance(score, bool) or not isinstance(score, int | float) or not np.isfinite(score):
            raise UserError(f"{where}: the score of {label!r} is {score!r}, not a number")
        row[index[label]] = score
    return row

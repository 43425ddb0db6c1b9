"""Ego4D's future hand prediction: the file of its server, as the official baseline writes and reads it.

{"<clip_id>_<pre_45 frame - 1>": [20 numbers], ...}: for each of five frames the x and y of the left hand, then of the
right one, each summed over 30 views, as the evaluator divides by 30 (tools/generate_submission.py and tools/eval.py of
EGO4D/forecasting).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from internvideo_pl.data.official import is_number
from internvideo_pl.submissions.submission import coverage_problems

VIEWS = 30  # that the evaluator divides by, however many there were
NUMBERS = 20


def fhp_content(points: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The file: `points` are the predicted pixels of every key, means over its views."""
    return {key: [VIEWS * value for value in values] for key, values in points.items()}


def fhp_problems(content: Any, keys: Iterable[str]) -> list[str]:
    """What is wrong with a file for a list of these keys, a sentence each."""
    if not isinstance(content, dict):
        return ["the file is no JSON object"]
    bad = [
        key
        for key, values in content.items()
        if not isinstance(values, list) or len(values) != NUMBERS or not all(map(is_number, values))
    ]
    told = [f"{key} has not {NUMBERS} finite numbers" for key in bad]
    return told + coverage_problems(content, keys, "clips")

"""Ego4D's natural-language queries: the file of its server, as the official baseline writes and reads it.

{"version": "1.0", "challenge": "ego4d_nlq_challenge",
 "results": [{"clip_uid", "annotation_uid", "query_idx", "predicted_times": [[start, end], ...]}, ...]}
Times are seconds of the clip.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from internvideo_pl.data.official import is_number
from internvideo_pl.submissions.submission import coverage_problems, head_problems

HEAD = {"version": "1.0", "challenge": "ego4d_nlq_challenge"}
WINDOWS = 5  # R@5 is the last that is scored


def query_key(clip_uid: str, annotation_uid: str, query_idx: int) -> str:
    """One name for a query."""
    return f"{clip_uid}/{annotation_uid}/{query_idx}"


def nlq_content(answers: Iterable[tuple[dict[str, Any], Sequence[Sequence[float]]]]) -> dict[str, Any]:
    """The file: of each query what names it, and its windows in seconds of the clip, the best first."""
    names = ("clip_uid", "annotation_uid", "query_idx")
    results = [
        {**{name: said[name] for name in names}, "predicted_times": [[float(t) for t in window] for window in times]}
        for said, times in answers
    ]
    return {**HEAD, "results": results}


def nlq_problems(content: Any, keys: Iterable[str]) -> list[str]:
    """What is wrong with a file for a list of these queries (`query_key`), a sentence each."""
    told = head_problems(content, HEAD, ["results"])
    if not isinstance(content, dict) or not isinstance(content.get("results"), list):
        return told or ["'results' is no list"]
    found: list[str] = []
    for number, result in enumerate(content["results"]):
        bad = _result_problem(result)
        if bad:
            told.append(f"results[{number}] {bad}")
        else:
            found.append(query_key(result["clip_uid"], result["annotation_uid"], result["query_idx"]))
    if len(set(found)) < len(found):
        told.append(f"{len(found) - len(set(found))} queries are answered more than once")
    return told + coverage_problems(found, keys, "queries")


def _result_problem(result: Any) -> str:
    if not isinstance(result, dict):
        return "is no object"
    for name, kind in (("clip_uid", str), ("annotation_uid", str), ("query_idx", int), ("predicted_times", list)):
        if not isinstance(result.get(name), kind) or isinstance(result[name], bool):
            return f"has no {name}"
    times = result["predicted_times"]
    if not 1 <= len(times) <= WINDOWS:
        return f"has {len(times)} predicted_times, not 1 to {WINDOWS}"
    for window in times:
        if not (
            isinstance(window, list) and len(window) == 2 and all(map(is_number, window)) and window[0] <= window[1]
        ):
            return f"has a predicted time {window!r} that is no [start, end]"
    return ""

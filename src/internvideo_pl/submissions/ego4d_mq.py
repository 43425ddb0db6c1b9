"""Ego4D's moment queries: the file of its server, as the official baseline merges it.

{"version": "1.0", "challenge": "ego4d_moment_queries",
 "detect_results": {clip_uid: [{"label", "segment": [start, end], "score"}, ...]}, "retrieve_results": the same}
Times are seconds of the clip; the retrieval evaluator takes each list as it stands, so the surest comes first.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from internvideo_pl.data.official import is_number
from internvideo_pl.submissions.submission import coverage_problems, head_problems

HEAD = {"version": "1.0", "challenge": "ego4d_moment_queries"}
LISTS = ("detect_results", "retrieve_results")

Found = Sequence[tuple[str, float, float, float]]  # label, start, end, score


def mq_content(clips: Mapping[str, Found]) -> dict[str, Any]:
    """The file: what was found in every clip, both for detection and for retrieval."""
    results = {
        clip: [
            {"label": label, "segment": [float(start), float(end)], "score": float(score)}
            for label, start, end, score in sorted(found, key=lambda each: -each[3])
        ]
        for clip, found in clips.items()
    }
    return {**HEAD, **dict.fromkeys(LISTS, results)}


def mq_problems(content: Any, clips: Collection[str], labels: Collection[str]) -> list[str]:
    """What is wrong with a file for a list of these clips and activities, a sentence each."""
    told = head_problems(content, HEAD, LISTS)
    if not isinstance(content, dict):
        return told
    for name in LISTS:
        results = content.get(name)
        if not isinstance(results, dict):
            told += [f"{name!r} is no object"] if name in content else []
            continue
        told += [f"{name}: {problem}" for problem in coverage_problems(results, clips, "clips")]
        for clip, found in results.items():
            problem = _clip_problem(found, labels)
            if problem:
                told.append(f"{name}, {clip}: {problem}")
    return told


def _clip_problem(found: Any, labels: Collection[str]) -> str:
    if not isinstance(found, list):
        return "is no list"
    last = float("inf")
    for number, each in enumerate(found):
        label = each.get("label") if isinstance(each, dict) else None
        if not isinstance(label, str) or label not in labels:
            return f"[{number}] has no label of the challenge"
        segment: Any = each.get("segment")
        pair = isinstance(segment, list) and len(segment) == 2 and all(map(is_number, segment))
        if not pair or segment[0] > segment[1]:
            return f"[{number}] has a segment {segment!r} that is no [start, end]"
        if not is_number(each.get("score")):
            return f"[{number}] has no finite score"
        score = float(each["score"])
        if score > last:
            return f"[{number}] is surer than the one before it: the list must fall in score"
        last = score
    return ""

"""Ego4D's short-term anticipation: the file of its server.

{"version": "1.0", "challenge": "ego4d_short_term_object_interaction_anticipation", "results": {<uid>: [{"box": [x1, y1,
x2, y2], "noun_category_id", "verb_category_id", "time_to_contact", "score"}]}}: boxes in pixels, every uid of the list.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from internvideo_pl.data.official import is_number
from internvideo_pl.submissions.submission import coverage_problems, head_problems

HEAD = {"version": "1.0", "challenge": "ego4d_short_term_object_interaction_anticipation"}
WHOLE, REAL = ("noun_category_id", "verb_category_id"), ("time_to_contact", "score")


def sta_content(predictions: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Any]:
    """The file: of every uid the predictions as x1, y1, x2, y2, score, noun, verb, seconds."""
    results = {
        uid: [
            {
                "box": [float(side) for side in row[:4]],
                "noun_category_id": int(row[5]),
                "verb_category_id": int(row[6]),
                "time_to_contact": float(row[7]),
                "score": float(row[4]),
            }
            for row in rows
        ]
        for uid, rows in predictions.items()
    }
    return {**HEAD, "results": results}


def sta_problems(content: Any, uids: Iterable[str]) -> list[str]:
    """What is wrong with a file for a list of these uids, a sentence each."""
    told = head_problems(content, HEAD, ("results",))
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict):
        return [*told, "'results' is no object of lists by uid"]
    for uid, rows in results.items():
        if not isinstance(rows, list):
            told.append(f"{uid} has no list of predictions")
            continue
        told += [f"prediction {n} of {uid}: {reason}" for n, row in enumerate(rows) if (reason := _fault(row))]
    return told + coverage_problems(results, uids, "uids")


def _fault(row: Any) -> str:
    """What is wrong with one prediction; nothing for a good one."""
    if not isinstance(row, dict):
        return "is no object"
    box = row.get("box")
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box))):
        return "'box' is not four finite numbers"
    if not (box[0] <= box[2] and box[1] <= box[3]):
        return "'box' is not x1, y1, x2, y2"
    for key in WHOLE:
        if not isinstance(row.get(key), int) or isinstance(row.get(key), bool) or row[key] < 0:
            return f"{key!r} is not a whole number from 0"
    return next((f"{key!r} is not a finite number with a point" for key in REAL if not _is_real(row.get(key))), "")


def _is_real(value: Any) -> bool:
    """A finite number that JSON reads as no whole one: the server refuses those."""
    return isinstance(value, float) and is_number(value)

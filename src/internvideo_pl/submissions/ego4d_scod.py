"""Ego4D's state-change object detection: the file of its server, COCO results.

[{"image_id", "category_id": 1, "bbox": [x, y, width, height], "score"}]: pixels, ids of the official image list.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from internvideo_pl.data.official import is_number
from internvideo_pl.submissions.submission import coverage_problems

CATEGORY = 1
KEYS = {"image_id", "category_id", "bbox", "score"}


def scod_content(rows: Iterable[Sequence[float]]) -> list[dict[str, Any]]:
    """The file: of every prediction image, x, y, width, height, score."""
    return [
        {
            "image_id": int(row[0]),
            "category_id": CATEGORY,
            "bbox": [float(side) for side in row[1:5]],
            "score": float(row[5]),
        }
        for row in rows
    ]


def scod_problems(content: Any, images: Iterable[int]) -> list[str]:
    """What is wrong with a file for a list of these images, a sentence each."""
    if not isinstance(content, list):
        return ["the file is no list of results"]
    told = [f"result {n} {reason}" for n, row in enumerate(content) if (reason := _fault(row))]
    found = {str(row["image_id"]) for row in content if isinstance(row, dict) and "image_id" in row}
    return told + coverage_problems(found, map(str, images), "images")


def _fault(row: Any) -> str:
    """What is wrong with one result; nothing for a good one."""
    if not isinstance(row, dict) or set(row) != KEYS:
        return f"has not the keys {', '.join(sorted(KEYS))}"
    if not isinstance(row["image_id"], int) or isinstance(row["image_id"], bool):
        return "has an 'image_id' that is no whole number"
    if row["category_id"] != CATEGORY:
        return f"has 'category_id' {row['category_id']!r}, not {CATEGORY}"
    box = row["bbox"]
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box)) and min(box[2:]) >= 0):
        return "has a 'bbox' that is not x, y, width, height"
    return "" if is_number(row["score"]) else "has a 'score' that is not a finite number"

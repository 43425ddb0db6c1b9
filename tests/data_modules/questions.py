"""Lists of questions in their official form, made up or from public copies."""

import csv
import json
from pathlib import Path

import pytest

from tests.data_modules.real import ABSENT, VIDEOLANG

real = pytest.mark.skipif(not VIDEOLANG.is_dir(), reason=ABSENT)


def records(*rows: tuple[str, str, int], start: int = 0) -> str:
    """Official records of (question, answer, video)."""
    entries = [
        {"question": question, "answer": answer, "video_id": video, "id": start + number}
        for number, (question, answer, video) in enumerate(rows)
    ]
    return json.dumps(entries)


def official(path: Path) -> str:
    """Rows of a public CSV copy of the lists in the form of the official JSON."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    entry = lambda row: {  # noqa: E731
        "question": row["question"] + "?",
        "answer": row["answer"],
        "id": int(row["qid"]),
        "video_id": int(row["video"]),
    }
    return json.dumps([entry(row) for row in rows])

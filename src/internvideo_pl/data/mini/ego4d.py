"""What Ego4D's miniatures share: ids, and the head of an official file."""

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np

FPS = 30
RELEASE = "v1"
FILES = {"train": "train", "val": "val", "test": "test_unannotated"}  # split: end of a list's name


def new_id(rng: np.random.Generator) -> str:
    """An id in the form of Ego4D's."""
    return str(uuid.UUID(bytes=rng.bytes(16), version=4))


def write_list(folder: Path, stem: str, split: str, **content: Any) -> None:
    """Writes `v1/annotations/<stem>_<split>.json`, with the five keys that come first in all official lists."""
    head = {
        "version": "v1",
        "date": "2022-01-01",
        "description": f"Ego4D {stem}, generated miniature",
        "manifest": "s3://example/manifest.csv",
        "split": split,
    }
    path = folder / RELEASE / "annotations" / f"{stem}_{FILES[split]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**head, **content}), encoding="utf-8")

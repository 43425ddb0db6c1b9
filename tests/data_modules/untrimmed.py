"""What tests of the untrimmed datasets share: small official lists with videos beside them, and real rows."""

import json
from pathlib import Path
from typing import Any

import pytest

from internvideo_pl.folders import project_root

ROWS = project_root().parent / "shared" / "data" / "action"  # beside the project where it is developed
real_rows = pytest.mark.skipif(not ROWS.is_dir(), reason=f"no real annotation rows at {ROWS}")


def entry(subset: str, *annotations: tuple[str, float, float], duration: Any = 20.0) -> dict[str, Any]:
    """An entry of a JSON in ActivityNet's shape."""
    told = [{"label": label, "segment": [start, end]} for label, start, end in annotations]
    return {"subset": subset, "duration": duration, "annotations": told}


def write_database(path: Path, database: dict[str, Any], **more: Any) -> Path:
    """The JSON."""
    path.write_text(json.dumps({**more, "database": database}), encoding="utf-8")
    return path


def touch(path: Path) -> None:
    """An empty file, for readers that only look for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

"""Where a machine keeps real annotation rows: beside the project, never in it."""

from pathlib import Path

import pytest

ROWS = Path(__file__).parents[3] / "shared" / "data" / "videolang"


def real(name: str) -> Path:
    """A file of real rows; skips the test where there is none."""
    if not (ROWS / name).exists():
        pytest.skip("real annotation rows are not beside the project: ../shared/data/videolang")
    return ROWS / name

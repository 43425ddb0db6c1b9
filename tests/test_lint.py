"""`make lint` looks at all of the project's Python."""

import subprocess
import sys

import pytest

from internvideo_pl.folders import project_root

ROOT = project_root()


def test_no_file_is_left_out_of_lint():
    """A folder's name among ruff's exclusions once left out every folder of that name, the library's own `data` too."""
    pytest.importorskip("ruff", reason="ruff is not installed: the extra `dev`")
    shown = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = {
        str(path)
        for folder in ("src", "data_modules", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert files - set(shown.stdout.split("\n")) == set()

"""What the tests of readers share: files put down, and the real excerpts where they are at hand."""

from pathlib import Path

import pytest

from internvideo_pl.folders import project_root

REAL = project_root().parent / "shared" / "data" / "action"
real = pytest.mark.skipif(not REAL.is_dir(), reason="wants the real annotation rows")


def put(path: Path, content: str | bytes = "") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def keys(split) -> list[str]:
    """Keys of what is there."""
    return [sample.key for sample in split.samples]

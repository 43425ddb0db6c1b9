"""Damaged files of every kind never crash the reader, hang it, or make it grow: 150 of them, 2,400 in the slow test.

The files are read in a process of their own, since it is a process that they would end.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .clips import CLIPS
from .test_real_clips import FOLDER

SCRIPT = Path(__file__).with_name("fuzzing.py")
# One of each codec and container, small and quickly made.
QUICK = (
    *("b_frames.mp4", "fragments.mp4", "open_groups.mkv", "broadcast.ts", "no_times.h264", "numbered_packets.avi"),
    *("ten_bit_hevc.mp4", "hidden_frames.webm", "vp8.webm", "mpeg4.avi", "mpeg2.mpg", "windows.wmv"),
    *("motion_jpeg.avi", "animation.gif", "flash.flv"),
)
SMALL = 700_000  # bytes; longer real clips take too long to be read often
GROWTH = 8 * 2**20  # bytes, over the second half: a leak of 7 KB a file shows


def _fuzz(folder: Path, first: int, count: int) -> dict:
    command = [sys.executable, str(SCRIPT), str(folder), str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["failed"] == []
    assert found["files"] == count
    return found


def test_a_sample_of_damaged_files(tmp_path, write_clip):
    folder = tmp_path / "sound"
    folder.mkdir()
    for name in QUICK:
        write_clip(name, **CLIPS[name]).rename(folder / name)
    found = _fuzz(folder, 0, 150)
    assert 30 < found["readable"] < 150  # the damage is neither too small nor too large to tell anything


@pytest.mark.slow
def test_more_damaged_files(tmp_path, write_clip):
    folder = tmp_path / "sound"
    folder.mkdir()
    for name, clip in CLIPS.items():
        write_clip(name, **clip).rename(folder / name)
    for path in FOLDER.glob("*.*"):
        if path.suffix != ".md" and path.stat().st_size < SMALL:
            (folder / path.name).write_bytes(path.read_bytes())
    found = _fuzz(folder, 1000, 2400)
    assert found["slowest"][0] < 60
    assert found["held"][-1] - found["held"][len(found["held"]) // 2] < GROWTH

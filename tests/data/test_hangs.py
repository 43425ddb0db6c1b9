"""A video that hangs ends its worker; the run says which one it was, and goes on without it when started again."""

import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

from internvideo_pl.data import clips
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.hangs import FILE, Hangs, VideoHung
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import RunFailed, UserError
from internvideo_pl.video import deadline, sources
from tests.data.clips import write_video

SECONDS = 0.4


class Toy(VideoData):
    facts = DatasetFacts("Toy", "recognition", {}, "https://example.org", "none", "none", "<root>/*.mp4", num_classes=1)

    def read(self, split):
        paths = sorted(str(path) for path in self.root.glob("*.mp4"))
        return Split([Sample(path, path) for path in paths])


class Pipe:
    """A source whose bytes never come."""

    def __init__(self, name: str) -> None:
        self.name = name

    def num_frames(self) -> int:
        with open(self.name, "rb"):  # waits until somebody opens the other end
            raise AssertionError("nobody does")

    def times(self):
        raise AssertionError("not reached")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three videos, the second a pipe that nobody writes to."""
    for name in ("a", "c"):
        write_video(tmp_path / f"{name}.mp4", frames=6)
    os.mkfifo(tmp_path / "b.mp4")

    def open_source(location: str):
        return Pipe(location) if location.endswith("b.mp4") else sources.open_source(location)

    monkeypatch.setattr(clips, "open_source", open_source)
    yield tmp_path
    deadline.set_limit(deadline.DEFAULT_SECONDS)


def toy(root, workers: int) -> Toy:
    shape = {"num_frames": 2, "stride": 1, "size": 32, "short_side": 48, "batch_size": 1}
    return Toy(ClipConfig(name="toy", num_workers=workers, decode_timeout=SECONDS, **shape), root)


@pytest.mark.parametrize("loader", ["train_dataloader", "test_dataloader"])
def test_a_worker_that_hangs_is_ended_and_the_video_named(root, loader):
    data, hangs, started = toy(root, workers=1), Hangs(root, SECONDS), time.monotonic()
    with pytest.raises(VideoHung, match=r"b\.mp4 did not end to be read within 0\.6 s") as caught, hangs.named():
        list(getattr(data, loader)())
    assert isinstance(caught.value, RunFailed)
    assert time.monotonic() - started < 30
    assert list(json.loads((root / FILE).read_text())) == [str(root / "b.mp4")]
    assert [path.name for path in root.iterdir() if "hung" in path.name] == [FILE]


def test_the_run_that_goes_on_leaves_it_out(root):
    hangs = Hangs(root, SECONDS)
    hangs._note(str(root / "b.mp4"))
    data = toy(root, workers=1)
    data.hung = Hangs(root, SECONDS).known
    with hangs.named():
        trained = list(data.train_dataloader())
        tested = list(data.test_dataloader())
    assert [len(batch) for batch in trained] == [1, 1, 1]  # another takes its place
    assert [fault.path for batch in trained for fault in batch.faults] == [str(root / "b.mp4")]
    assert sorted(len(batch) for batch in tested) == [0, 1, 1]  # nothing does
    assert "did not end to be read" in next(fault.reason for batch in tested for fault in batch.faults)


def test_other_errors_pass(root):
    with pytest.raises(RuntimeError, match="something else"), Hangs(root, SECONDS).named():
        raise RuntimeError("something else")
    assert not (root / FILE).exists()


def test_a_run_that_reads_in_its_own_process_ends_too(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    code = f"""
        from pathlib import Path
        from internvideo_pl.data.hangs import Hangs
        from internvideo_pl.video.deadline import limited

        pipe = Path({str(tmp_path / "pipe.mp4")!r})
        with Hangs(pipe.parent, {SECONDS}).named(), limited(str(pipe)):
            pipe.open("rb")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"internvideo: {tmp_path / 'pipe.mp4'} did not end to be read within 0.6 s")
    assert list(Hangs(tmp_path, SECONDS).known) == [str(tmp_path / "pipe.mp4")]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_limit_that_cannot_be_is_refused(seconds):
    with pytest.raises(UserError, match="decode_timeout"):
        ClipConfig(name="toy", num_frames=2, size=32, batch_size=1, decode_timeout=seconds)

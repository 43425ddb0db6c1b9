"""Slow videos end as errors, hanging ones end their process."""

import io
import math
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from internvideo_pl.video import deadline
from internvideo_pl.video.deadline import limited, oldest_reading, set_limit
from internvideo_pl.video.decode import DecodeError, check, num_frames, read_frames
from internvideo_pl.video.watchdog import EXIT_CODE, HARD, victim, watch


@pytest.fixture(autouse=True)
def usual_limit():
    yield
    set_limit(deadline.DEFAULT_SECONDS)


class Slow(io.BytesIO):
    """Gives 500 bytes at a time, a hundredth of a second each."""

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(0.01)
        return super().read(500)


class SlowVideo:
    """A file behind a slow line."""

    def __init__(self, path: Path) -> None:
        self.name, self.key, self.data = "slow.mkv", f"slow {path}", path.read_bytes()

    def open(self) -> BinaryIO:
        return Slow(self.data)


@pytest.mark.parametrize("read", [num_frames, check, lambda video: read_frames(video, [59])])
def test_a_slow_read_ends_between_two_packets(read, write_clip):
    video = SlowVideo(write_clip("a.mkv", frames=60, size=(96, 128)))
    set_limit(0.2)
    started = time.monotonic()
    with pytest.raises(DecodeError, match=r"slow.mkv: took longer than 0\.2 s"):
        read(video)
    assert 0.2 < time.monotonic() - started < 2
    set_limit(math.inf)
    read(video)


def test_time_between_reads_does_not_count(write_clip):
    path = write_clip("a.mp4", frames=5)
    set_limit(0.3)
    for _ in range(4):
        time.sleep(0.15)
        read_frames(path, [1])


def test_a_block_within_a_block_is_the_same_read():
    set_limit(0.1)
    with limited("outer"):
        time.sleep(0.15)
        with limited("inner"), pytest.raises(DecodeError, match="outer: took longer"):
            deadline.check_deadline()
    deadline.check_deadline()


def test_reads_of_all_threads_are_seen():
    entered, done = threading.Event(), threading.Event()

    def read() -> None:
        with limited("theirs"):
            entered.set()
            done.wait(10)

    thread = threading.Thread(target=read)
    thread.start()
    entered.wait(10)
    with limited("ours"):
        assert oldest_reading().name == "theirs"
        done.set()
        thread.join()
        assert oldest_reading().name == "ours"
    assert oldest_reading() is None


def test_the_watchdog_tells_what_hangs_and_nothing_else():
    told: list[str] = []
    stop = watch(0.1, lambda reading: told.append(reading.name))
    with limited("quick"):
        time.sleep(0.1)
    assert not told
    with limited("hanging"):
        time.sleep(0.1 * HARD + 0.2)
    assert told == ["hanging"]
    stop()
    threads = [thread.name for thread in threading.enumerate()]
    assert "video watchdog" not in threads


def test_no_limit_no_watchdog():
    watch(math.inf, lambda reading: pytest.fail("told"))
    assert "video watchdog" not in [thread.name for thread in threading.enumerate()]


def test_a_process_that_hangs_within_ffmpeg_ends_and_names_the_video(tmp_path):
    """FFmpeg waits for a pipe to be opened at its other end, which nobody does."""
    os.mkfifo(tmp_path / "hanging.mp4")
    code = f"""
        import os
        from internvideo_pl.video import container
        from internvideo_pl.video.deadline import limited
        from internvideo_pl.video.watchdog import victim, watch

        shared, path = victim(), {str(tmp_path / "hanging.mp4")!r}
        child = os.fork()
        if child == 0:
            watch(0.3, shared.end_process)
            with limited(path):
                container._container(f"file:{{path}}", container.SAFE)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shared.name)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == [str(EXIT_CODE), str(tmp_path / "hanging.mp4")]


def test_a_victim_s_name_may_be_any_bytes_and_is_forgotten():
    shared = victim()
    assert shared.name is None
    name = os.fsdecode(b"v\xff\xc3\xa9.mp4")
    child = os.fork()
    if child == 0:
        shared.end_process(deadline.Reading(name, 0.0))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == EXIT_CODE
    assert shared.name == name
    shared.forget()
    assert shared.name is None

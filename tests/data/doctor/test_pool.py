"""Inspection in processes: one video that hangs, kills or confuses its process costs nothing but itself."""

import sys
import textwrap
import time

import pytest

from internvideo_pl.data.doctor.pool import Job, inspect_all
from tests.data.clips import write_video

WORK = """
    import os, time
    from internvideo_pl.data.doctor.inspect import inspect

    def work(location, name, alive, pictures):
        if name == "hangs":
            alive(0.3)
            time.sleep(600)
        if name == "dies":
            os.abort()
        if name == "slow":  # but alive: longer than it is allowed to be silent
            for _ in range(12):
                alive(0.4)
                time.sleep(0.1)
                alive(0.5)
        if name == "raises":
            raise ValueError("of another kind")
        return inspect(location, name, alive, pictures)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A function that the processes can import by its name."""
    (tmp_path / "odd_work.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(tmp_path)
    import odd_work

    yield odd_work.work
    sys.modules.pop("odd_work")


def test_every_video_gets_one_record_whatever_happens(tmp_path, work):
    write_video(tmp_path / "a.mp4")
    names = ["hangs", "dies", "first", "slow", "raises", "second", "third"]
    started = time.monotonic()
    found = {record.path: record for record in inspect_all([Job(str(tmp_path / "a.mp4"), n) for n in names], 2, work)}
    assert time.monotonic() - started < 60
    assert {name: found[name].status for name in names} == {
        "hangs": "stuck",
        "dies": "stuck",
        "first": "sound",
        "slow": "sound",
        "raises": "unreadable",
        "second": "sound",
        "third": "sound",
    }
    assert "no sign of life" in found["hangs"].reason
    assert "SIGABRT" in found["dies"].reason
    assert found["raises"].reason == "ValueError: of another kind"
    assert found["hangs"].size == (tmp_path / "a.mp4").stat().st_size


def test_nothing_to_do_starts_no_process():
    assert list(inspect_all([], 4)) == []


def test_a_process_that_cannot_start_is_an_error_of_ours(tmp_path, work):
    (tmp_path / "odd_work.py").write_text("raise ImportError('broken')")
    with pytest.raises(RuntimeError, match="did not start"):
        list(inspect_all([Job(str(tmp_path / "a.mp4"), "a")], 1, work))

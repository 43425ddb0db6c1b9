"""The bench of decoding, on files of a few frames."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from internvideo_pl.bench import Options, decoding, footage, loading, readers
from internvideo_pl.bench.decoding import DENSE, SHARE, UNIFORM, VIEWS, Task
from internvideo_pl.bench.footage import Footage, made
from internvideo_pl.bench.readers import OURS, READERS, available, ffmpeg_for_others
from internvideo_pl.errors import UserError
from internvideo_pl.video.decode import probe, read_frames

TINY = Footage("tiny", 64, 80, 4)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> str:
    return str(made(TINY, tmp_path_factory.mktemp("footage")))


def test_footage_is_made_once_and_looks_like_a_film(video):
    info = probe(video)
    assert (info.num_frames, info.height, info.width, info.codec) == (120, 64, 80, "h264")
    frames = read_frames(video, range(0, 120, 10)).numpy().astype(int)
    assert 10 < np.abs(np.diff(frames, axis=0)).mean() < 100  # it moves
    assert frames.std() > 20
    changed = os.stat(video).st_mtime_ns
    assert made(TINY, Path(video).parent) == Path(video)
    assert os.stat(video).st_mtime_ns == changed
    assert [path.name for path in Path(video).parent.iterdir()] == ["64p_4s.mp4"]


def test_all_readers_get_the_same_clips(video):
    for pattern, frames in ((DENSE, 16), (UNIFORM, 8), (VIEWS, 7 * 16)):
        plan = Task("tiny", video, pattern, 3).plan()
        assert plan == Task("tiny", video, pattern, 3).plan()
        assert [len(numbers) for numbers in plan.numbers] == [frames] * 3
        assert plan.size == (256, 320)


def test_readers_that_are_here_agree_with_ours(video):
    versions, _ = available()
    numbers = [3, 7, 40, 41, 90]
    ours = READERS[OURS][1]()(video, numbers, None)
    assert (ours == read_frames(video, numbers).numpy()).all()
    for name in versions:
        read = READERS[name][1]()
        np.testing.assert_array_equal(read(video, numbers, None), ours)
        small = read(video, numbers, (48, 60))
        assert small.shape == (5, 48, 60, 3)
        assert np.abs(small.astype(int) - READERS[OURS][1]()(video, numbers, (48, 60))).mean() < 8


def test_absent_readers_are_named_with_the_reason(monkeypatch):
    def missing():
        raise ImportError("no such module")

    def broken():
        raise RuntimeError("Could not load the library. Likely causes:\n  1. none")

    monkeypatch.setitem(READERS, "decord", ("decord", missing))
    monkeypatch.setitem(READERS, "opencv", ("opencv-python-headless", broken))
    versions, reasons = available()
    assert OURS in versions
    assert reasons["decord"] == "decord is not installed: pip install 'internvideo_pl[bench]'"
    assert reasons["opencv"] == ("opencv-python-headless does not load: Could not load the library. Likely causes:")


def test_a_row_compares_with_the_best_and_names_who_differs(video, monkeypatch):
    ours = READERS[OURS][1]()

    def read_wrongly(path, numbers, size):
        ours(path, numbers, size)
        return ours(path, numbers, size) ^ 1

    def fail(path, numbers, size):
        raise OSError("not this file")

    monkeypatch.setattr(
        decoding,
        "READERS",
        {OURS: ("av", lambda: ours), "twice": ("av", lambda: read_wrongly), "none": ("av", lambda: fail)},
    )
    monkeypatch.setattr(decoding, "SHORT_SIDE", 64)
    row = decoding._time(Task("tiny", video, UNIFORM, 2), [OURS, "twice", "none"], rounds=3)
    assert row["none"] is None
    assert row[OURS] < row["twice"]
    assert 0.2 < row[SHARE] < 0.9  # half, on a quiet machine
    assert row["differ"] == "twice"
    assert [goal.wanted for goal in decoding._goals([row])] == [0.8]


def test_readers_behind_workers(video):
    walks = loading.epochs(video, Task("tiny", video, UNIFORM, 4).plan(), [OURS], rounds=2)[OURS]
    assert len(walks) == 2
    assert all(walk.rate > 0 and walk.effort > 0 for walk in walks)


def test_a_training_tells_how_long_it_waits(video, monkeypatch):
    monkeypatch.setattr(loading, "STEPS", 2)
    monkeypatch.setattr(loading, "BATCH", 2)
    row = loading.train(video)
    assert row["loader, clips/s"] > 0
    assert row["training, clips/s"] > 0
    assert 0 <= row["waiting for data, %"] <= 100


def test_ffmpeg_is_lent_to_others_only_inside_the_block(tmp_path, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/somewhere")
    with ffmpeg_for_others(tmp_path / "ffmpeg"):
        folders = os.environ["LD_LIBRARY_PATH"].split(os.pathsep)
        assert folders[-1] == "/somewhere"
        if len(folders) > 1:  # PyAV's wheel has its libraries beside it
            assert any(link.name.startswith("libavcodec.so.") for link in (tmp_path / "ffmpeg").iterdir())
            assert all(link.exists() for link in (tmp_path / "ffmpeg").iterdir())
    assert os.environ["LD_LIBRARY_PATH"] == "/somewhere"


def test_a_folder_without_readable_videos_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("nothing")
    with pytest.raises(UserError, match="can be read"):
        decoding._readable(tmp_path)


def test_a_clip_that_opens_and_cannot_be_decoded_is_named_and_left_out(tmp_path, video):
    good, bad = tmp_path / "good.mp4", tmp_path / "bad.mp4"
    content = Path(video).read_bytes()
    good.write_bytes(content)
    start = content.index(b"mdat") + 20_000
    end = content.index(b"moov", start) - 4 if b"moov" in content[start:] else len(content)
    bad.write_bytes(content[:start] + bytes(end - start) + content[end:])  # it opens, but later pictures are gone
    clips = decoding._readable(tmp_path)
    assert clips == [bad, good]
    with ThreadPoolExecutor(1) as here:
        section = decoding._own(here, tmp_path, clips, [readers.OURS], 1)
    assert {row["video"] for row in section.rows} == {"good.mp4"}
    assert [note for note in section.notes if note.startswith("Left out: bad.mp4, cannot be")]


@pytest.mark.slow
def test_the_whole_bench(tmp_path, monkeypatch, video):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path))
    for module in (decoding, footage):
        monkeypatch.setattr(module, "SMALL", Footage("340x256, 10 s", 64, 80, 4))
        monkeypatch.setattr(module, "HD", Footage("1280x720, 60 s", 72, 128, 5))
    sections = list(decoding.run(Options(rounds=1, videos=Path(video).parent)))
    assert [len(section.rows) for section in sections] == [6, 4, 6, 6, 2, 3]
    assert all(section.tables() for section in sections)
    assert readers.READERS.keys() <= sections[0].rows[0].keys()

"""Videos that are no files of their own, and what the reader keeps between reads."""

import io
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch

from internvideo_pl.video import container, decode, packets
from internvideo_pl.video.container import open_video
from internvideo_pl.video.decode import DecodeError, check, frame_times, num_frames, probe, read_frames, read_timestamps
from internvideo_pl.video.index_cache import IndexCache
from internvideo_pl.video.packets import index_of

from .clips import CLIPS


@dataclass(frozen=True)
class Source:
    """A video as the reader wants it that is not a file."""

    name: str
    key: object
    opens: Callable[[], BinaryIO]

    def open(self) -> BinaryIO:
        return self.opens()


@pytest.mark.parametrize("name", ["b_frames.mp4", "open_groups.mkv", "mpeg4.avi", "broadcast.ts", "animation.gif"])
def test_bytes_read_as_the_file_does(name, write_clip):
    path = write_clip(name, **CLIPS[name])
    source = Source("shard.tar#a", name, lambda: io.BytesIO(path.read_bytes()))
    indices = [7, 2, 2, 11]
    assert torch.equal(read_frames(source, indices, 24), read_frames(path, indices, 24))
    assert torch.equal(read_timestamps(source, [0.3]), read_timestamps(path, [0.3]))
    assert probe(source) == probe(path)
    assert num_frames(source) == num_frames(path)
    np.testing.assert_array_equal(frame_times(source), frame_times(path))
    check(source)


def test_the_tables_are_read_without_moving_ffmpeg_s_place(write_clip, monkeypatch):
    """FFmpeg reads on from where it stands, in the very stream in which the tables are read."""
    options = {"qp": "4", "g": "2", "bf": "0"}
    path = write_clip("a.mp4", frames=40, size=(192, 256), options=options, container={"movflags": "faststart"})
    assert path.stat().st_size > 200_000  # several times what FFmpeg reads ahead
    expected, openings = read_frames(path, range(40)), []
    original = container.OpenVideo
    monkeypatch.setattr(container, "OpenVideo", lambda video: openings.append(video) or original(video))
    for number in range(40):
        source = Source("a", f"{path} {number}", lambda: io.BytesIO(path.read_bytes()))
        assert num_frames(source) == 40
        assert torch.equal(read_frames(source, [number])[0], expected[number])
    assert len(openings) == 40


def test_every_stream_is_closed(write_clip):
    path, opened = write_clip("a.mp4"), []

    def opens() -> BinaryIO:
        opened.append(path.open("rb"))
        return opened[-1]

    source = Source("a", "closed", opens)
    read_frames(source, [3])
    check(source)
    path.write_bytes(b"nonsense" * 100)
    with pytest.raises(DecodeError):
        num_frames(Source("b", "nonsense", opens))
    read_frames(write_clip("other.mp4"), [0])  # the one that stays open is another now
    assert opened
    assert all(file.closed for file in opened)


class Breaking(io.BytesIO):
    """Fails at the third read, as a connection does."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > 3:
            raise ConnectionResetError(104, "Connection reset by peer")
        return super().read(min(size or -1, 2000))


def test_a_broken_connection_is_a_decode_error_with_the_source_s_name(write_clip):
    data = write_clip("a.mp4", frames=60).read_bytes()
    for read in (num_frames, check, lambda source: read_frames(source, [0])):
        with pytest.raises(DecodeError, match="connection reset") as caught:
            read(Source("s3://bucket/a.mp4", "broken", lambda: Breaking(data)))
        assert caught.value.path == "s3://bucket/a.mp4"


def test_what_cannot_be_reached_is_said_so():
    def opens() -> BinaryIO:
        raise FileNotFoundError(2, "No such key")

    with pytest.raises(DecodeError, match="s3://bucket/none: cannot be opened: no such key"):
        num_frames(Source("s3://bucket/none", "none", opens))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(DecodeError, match="not a regular file"):
        num_frames(tmp_path / "pipe.mp4")


def test_index_and_frames_take_one_opening(write_clip, monkeypatch):
    path, openings = write_clip("a.mp4"), []
    original = container.OpenVideo
    monkeypatch.setattr(container, "OpenVideo", lambda video: openings.append(video) or original(video))
    num_frames(path)
    read_frames(path, [3, 9])
    read_frames(path, [20])
    read_frames(path, [0])
    assert len(openings) == 1


def test_reads_one_after_the_other_do_not_disturb_each_other(write_clip, decode_all):
    one, other = write_clip("one.mp4", options={"g": "10", "bf": "2"}), write_clip("other.webm", **CLIPS["vp8.webm"])
    expected = {path: decode_all(path)[0] for path in (one, other)}
    for path, indices in [(one, [25]), (one, [3]), (other, [4]), (one, [3, 28]), (other, [1]), (one, [0]), (one, [29])]:
        np.testing.assert_array_equal(read_frames(path, indices).numpy(), expected[path][indices])


def test_a_video_in_use_may_be_opened_once_more(write_clip):
    path = write_clip("a.mp4")
    with open_video(path) as outer:
        frames = outer.frames()
        first = next(frames).to_ndarray()
        with open_video(path) as inner:
            np.testing.assert_array_equal(next(inner.frames()).to_ndarray(), first)
        assert len(list(frames)) == 29
    assert read_frames(path, [5]).shape == (1, 48, 64, 3)


def test_threads_read_beside_each_other(write_clip, decode_all):
    paths = [write_clip(f"{number}.mp4", frames=20, options={"g": "6", "bf": "2"}) for number in range(3)]
    expected = {path: torch.from_numpy(decode_all(path)[0]) for path in paths}
    wrong: list[str] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(40):
            path, indices = paths[rng.integers(3)], rng.integers(20, size=3).tolist()
            if not torch.equal(read_frames(path, indices), expected[path][indices]):
                wrong.append(f"{path} {indices}")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_forked_process_opens_its_own(write_clip, decode_all):
    """A child shares its parent's place in an open file: what one reads, the other would miss."""
    path = write_clip("a.mp4", frames=60, options={"g": "10", "bf": "2"})
    expected, _ = decode_all(path)
    read_frames(path, [1])
    child = os.fork()
    if child == 0:
        right = all((read_frames(path, [i]).numpy()[0] == expected[i]).all() for i in range(59, 0, -1))
        os._exit(0 if right else 1)
    for index in range(60):
        np.testing.assert_array_equal(read_frames(path, [index]).numpy()[0], expected[index])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@dataclass
class Thing:
    nbytes: int


def test_the_cache_is_bounded_in_bytes_and_forgets_what_was_not_used_for_longest(tmp_path):
    cache: IndexCache[Thing] = IndexCache(limit=100)
    made: list[str] = []

    def video(name: str) -> Source:
        return Source(name, name, io.BytesIO)

    def make(source: Source) -> Thing:
        made.append(source.name)
        return Thing(40)

    for name in ("a", "b", "a", "c", "a", "b"):  # c drives out b
        cache.get("packets", video(name), make)
    assert made == ["a", "b", "c", "b"]
    assert cache.nbytes == 80
    cache.get("packets", video("long"), lambda source: Thing(1000))  # kept until the next, however large
    cache.get("packets", video("long"), make)
    assert made == ["a", "b", "c", "b"]
    assert cache.nbytes == 1000


def test_an_index_knows_its_size(write_clip):
    index = index_of(write_clip("a.mp4", frames=40))
    assert index.nbytes == 40 * (8 + 8 + 4) + 8 * len(index.keys) + 1024


def test_a_file_that_changes_is_indexed_anew(tmp_path, write_clip, monkeypatch):
    path = write_clip("a.mp4", frames=10)
    indexed = []
    original = packets._index
    monkeypatch.setattr(packets, "_index", lambda video: indexed.append(video) or original(video))
    for _ in range(3):
        assert num_frames(path) == 10
    path = write_clip("a.mp4", frames=20)
    assert num_frames(path) == 20
    assert len(read_frames(path, [19])) == 1
    assert len(indexed) == 2


def test_paths_may_be_strings(write_clip):
    path = write_clip("a.mp4")
    assert torch.equal(read_frames(str(path), [3]), read_frames(Path(path), [3]))
    assert decode.name_of(path) == decode.name_of(str(path)) == str(path)

"""Videos behind URLs: the same frames as of the file, from several processes, through failures."""

import multiprocessing
import os
import time

import fsspec
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.video import deadline
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source, remote
from internvideo_pl.video.sources.remote import RemoteFile


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))


def same(location: str, file) -> bool:
    source, truth = open_source(location), open_source(file)
    assert source.name == location
    assert source.num_frames() == truth.num_frames()
    return torch.equal(source.frames([0, 7, 19], 32), truth.frames([0, 7, 19], 32))


def in_memory(name: str, content: bytes) -> str:
    with fsspec.open(f"memory://{name}", "wb") as file:
        file.write(content)
    return f"memory://{name}"


def test_every_scheme_gives_the_frames_of_the_file(clip, server, own_cache):
    address, _ = server
    assert same(f"file://{clip}", clip)
    assert not own_cache.exists()  # what is on this machine already is not copied
    assert same(f"{address}/clip.mp4", clip)
    assert same(in_memory("clips/clip.mp4", clip.read_bytes()), clip)
    assert [path.stat().st_size for path in own_cache.iterdir()] == [clip.stat().st_size] * 2


def test_a_video_is_fetched_once(clip, server):
    address, handler = server
    for _ in range(3):
        assert same(f"{address}/clip.mp4", clip)
    assert handler.asked == ["clip.mp4"]


def test_a_range_is_read_only_when_it_is_asked_for(clip, server, own_cache):
    address, handler = server
    assert same(f"range+{address}/clip.mp4", clip)
    assert all("bytes=" in asked for asked in handler.asked)
    assert not own_cache.exists()


def test_shards_may_lie_behind_a_url(clip, write_tar, server):
    address, handler = server
    write_tar(("a.mp4", clip.read_bytes()), ("b.mp4", clip.read_bytes()))
    assert same(f"{address}/shard.tar#a.mp4", clip)
    assert same(f"{address}/shard.tar#b.mp4", clip)
    assert [asked for asked in handler.asked if asked == "shard.tar"] == ["shard.tar"]
    assert same(f"range+{address}/shard.tar#b.mp4", clip)
    # with an index beside the shard, its headers are not walked
    open_source(f"{write_tar(('a.mp4', clip.read_bytes()), name='indexed.tar')}#a.mp4").num_frames()
    assert same(f"{address}/indexed.tar#a.mp4", clip)
    assert "indexed.tar.index.json" in handler.asked


def test_a_failing_server_is_asked_again_but_not_for_ever(clip, server):
    address, handler = server
    handler.broken["clip.mp4"] = 2
    assert same(f"{address}/clip.mp4", clip)
    handler.broken["other.mp4"] = 100
    with pytest.raises(DecodeError, match="cannot be fetched") as caught:
        open_source(f"{address}/other.mp4").num_frames()
    assert caught.value.path == f"{address}/other.mp4"
    assert handler.broken["other.mp4"] == 97


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(deadline, "_limit", 0.6)


def test_a_slow_download_is_no_fault_while_bytes_arrive(clip, server, impatient):
    address, handler = server
    handler.pause = 0.1
    started = time.monotonic()
    with deadline.limited(f"{address}/clip.mp4"):
        assert open_source(f"{address}/clip.mp4").frames([0]).shape[0] == 1
    assert time.monotonic() - started > 0.9


def test_waiting_for_the_slow_download_of_another_process_is_no_fault(clip, server, impatient):
    address, handler = server
    handler.pause = 0.1
    with clip.open("ab") as file:
        file.write((500_000).to_bytes(4, "big") + b"free" + bytes(500_000 - 8))  # so that the copy is seen to grow
    other = multiprocessing.get_context("fork").Process(target=open_source(f"{address}/clip.mp4").num_frames)
    other.start()
    while not handler.asked:
        time.sleep(0.01)
    with deadline.limited(f"{address}/clip.mp4"):
        assert open_source(f"{address}/clip.mp4").frames([0]).shape[0] == 1
    other.join()
    assert handler.asked == ["clip.mp4"]


def test_what_is_not_there_is_said_at_once(server, tmp_path, own_cache):
    address, handler = server
    for location in (f"{address}/none.mp4", "memory://none.mp4", f"file://{tmp_path}/none.mp4"):
        with pytest.raises(DecodeError) as caught:
            open_source(location).frames([0])
        assert caught.value.path == location
    assert handler.asked.count("none.mp4") == 1
    assert not own_cache.exists() or not list(own_cache.iterdir())


def test_a_person_is_told_what_to_install(monkeypatch):
    with pytest.raises(UserError, match=r"s4://.*cannot be read"):
        open_source("s4://bucket/a.mp4").num_frames()

    def missing(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(UserError, match=r"pip install 'internvideo_pl\[remote\]' \(Install s3fs"):
        open_source("s3://bucket/a.mp4").num_frames()
    monkeypatch.setenv("INTERNVIDEO_CACHE_GB", "much")
    with pytest.raises(UserError, match="INTERNVIDEO_CACHE_GB must be a number"):
        open_source("memory://a.mp4").num_frames()


def _count(url: str, into) -> None:
    into.put((os.getpid(), open_source(url).num_frames()))


def test_forked_workers_share_the_copies(clip, server):
    """fsspec keeps a thread of its own, which a fork does not take along."""
    address, handler = server
    assert open_source(f"{address}/clip.mp4").num_frames() == 20
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    urls = [f"{address}/clip.mp4", *[f"{address}/clip.mp4?{n}" for n in (1, 1, 1)]]
    workers = [context.Process(target=_count, args=(url, found)) for url in urls]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert [found.get()[1] for _ in workers] == [20] * 4
    assert sorted(handler.asked) == ["clip.mp4", "clip.mp4?1"]


def test_local_files_are_known_by_their_content(clip):
    before = RemoteFile(f"file://{clip}").key
    os.utime(clip, ns=(5, 5))
    assert RemoteFile(f"file://{clip}").key != before

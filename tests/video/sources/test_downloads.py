"""The folder of copies: bounded, least recently read goes first, whole or not there, shared by processes."""

import fcntl
import multiprocessing
import time
from pathlib import Path

import pytest

from internvideo_pl.video.sources.downloads import Downloads


def fetcher(size: int, log: list | None = None):
    def fetch(to: Path) -> None:
        if log is not None:
            log.append(to)
        to.write_bytes(b"x" * size)

    return fetch


def read(downloads: Downloads, url: str, size: int = 100, log: list | None = None) -> bytes:
    with downloads.open(url, fetcher(size, log)) as file:
        return file.read()


def names(folder: Path) -> int:
    return len(list(folder.iterdir()))


def test_a_copy_is_fetched_once_and_keeps_its_ending(tmp_path):
    downloads, log = Downloads(tmp_path, 10_000), []
    assert read(downloads, "s3://b/a.mp4?x=1", log=log) == read(downloads, "s3://b/a.mp4?x=1", log=log) == b"x" * 100
    assert len(log) == 1
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]


def test_what_was_not_read_for_longest_goes_first(tmp_path):
    downloads = Downloads(tmp_path, 350)
    for url in "abc":
        read(downloads, url)
        time.sleep(0.01)
    read(downloads, "a")
    log: list[Path] = []
    read(downloads, "d", log=log)
    assert names(tmp_path) == 3
    for url in "acd":
        read(downloads, url, log=log)
    assert len(log) == 1  # those three are there
    read(downloads, "b", log=log)
    assert len(log) == 2


def test_a_file_larger_than_the_budget_is_still_read(tmp_path):
    downloads = Downloads(tmp_path, 50)
    assert len(read(downloads, "a", 100)) == 100
    assert len(read(downloads, "b", 100)) == 100
    assert names(tmp_path) == 1


def test_a_reader_keeps_a_file_that_is_removed_meanwhile(tmp_path):
    downloads = Downloads(tmp_path, 150)
    with downloads.open("a", fetcher(100)) as file:
        read(downloads, "b")
        assert names(tmp_path) == 1
        assert len(file.read()) == 100


def test_a_failed_fetch_leaves_nothing(tmp_path):
    def fails(to: Path) -> None:
        to.write_bytes(b"half")
        raise OSError("connection lost")

    downloads = Downloads(tmp_path, 1000)
    with pytest.raises(OSError, match="connection lost"):
        downloads.open("a", fails)
    assert names(tmp_path) == 0
    assert len(read(downloads, "a")) == 100


def test_half_a_file_of_a_killed_process_is_fetched_again_or_removed(tmp_path):
    downloads = Downloads(tmp_path, 150)
    read(downloads, "a")
    (whole,) = tmp_path.iterdir()
    half = whole.with_name(whole.name + ".part")
    whole.rename(half)
    half.write_bytes(b"half")
    assert read(downloads, "a") == b"x" * 100
    abandoned, busy = tmp_path / "one.part", tmp_path / "two.part"
    abandoned.write_bytes(b"half")
    busy.write_bytes(b"half")
    with busy.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        read(downloads, "b")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".part") == ["two.part"]


def _work(folder: Path, budget: int, number: int, fetched) -> None:
    downloads = Downloads(folder, budget)

    def fetch(to: Path) -> None:
        fetched.put(1)
        time.sleep(0.005)
        to.write_bytes(b"y" * 100)

    for step in range(40):
        with downloads.open(f"url{(step * (number + 1)) % 8}", fetch) as file:
            assert file.read() == b"y" * 100


@pytest.mark.parametrize(("budget", "fetches"), [(10_000, 8), (300, None)])
def test_processes_share_it_and_never_see_half_a_file(tmp_path, budget, fetches):
    """With room for all, each is fetched once; with room for three, they are removed under each other's hands."""
    context = multiprocessing.get_context("fork")
    fetched = context.SimpleQueue()
    workers = [context.Process(target=_work, args=(tmp_path / "d", budget, number, fetched)) for number in range(4)]
    for worker in workers:
        worker.start()
    count = 0
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    while not fetched.empty():
        count += fetched.get()
    assert fetches is None or count == fetches
    assert sum(path.stat().st_size for path in (tmp_path / "d").iterdir()) <= budget

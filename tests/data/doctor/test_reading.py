"""The loader's speed, on a loader whose speed is known."""

import time

import pytest

from internvideo_pl.data import clips
from internvideo_pl.data.doctor.lists import read_lists
from internvideo_pl.data.doctor.reading import Rate, check_reading, measure
from internvideo_pl.data.doctor.scan import scan
from internvideo_pl.data.doctor.sizes import check_sizes, gigabytes, sizes_of
from internvideo_pl.data.manifest import Manifest
from tests.data.clips import write_video
from tests.data.doctor.toy import scanned, toy


@pytest.fixture
def data(tmp_path):
    found = toy(tmp_path, train="a b", test="d", files="train/a.mp4 train/b.mp4 test/d.mp4", cache_gb=1.0)
    for name in ("train/a", "train/b", "test/d"):
        write_video(tmp_path / f"{name}.mp4", frames=20)
    return found


@pytest.mark.parametrize("split", ["train", "test"])
def test_clips_a_second_of_a_slow_reader(data, monkeypatch, split):
    real = clips.open_source
    opened = []

    def slow(location):  # called for every clip, whatever is kept decoded
        opened.append(location)
        time.sleep(0.05)
        return real(location)

    monkeypatch.setattr(clips, "open_source", slow)
    rate = measure(data, split, scanned(data, split), seconds=0.5)
    assert rate.batch == 4 * 32 * 32 * 3 * (2 if split == "train" else 1)
    clips_read = len(opened) / (2 if len(opened) % 2 == 0 else 1)
    assert 1 < rate.clips < 1 / 0.05
    assert clips_read > 2


def test_files_that_are_not_sound_are_left_out(data):
    bad = {"status": "damaged", "reason": "frame 3 is damaged"}
    assert measure(data, "train", scanned(data, "train", a=bad, b=bad), seconds=0.1) is None
    lists = read_lists(data, ("train", "test"))
    assert check_reading(lists, "train", None, {}).verdict == "warning"


def test_a_scan_feeds_the_measurement(data, tmp_path):
    lists = read_lists(data, ("train", "test"))
    chosen = {split: list(samples) for split, samples in lists.samples.items()}
    found = scan(chosen, Manifest.load(tmp_path / "cache", tmp_path), 1)
    assert measure(data, "train", found, seconds=0.1).clips > 0


def test_the_sentence_is_arithmetic(data):
    lists = read_lists(data, ("train", "test"))
    sizes = {sample.path: 3_000_000 for found in lists.samples.values() for sample in found}
    check = check_reading(lists, "train", Rate(clips=50.0, batches=25.0, batch=2_400_000), sizes)
    assert check.found == (
        "50.0 clips/s with no workers: at most 25.00 batches/s, 150.0 MB/s of files, 60.0 MB/s of pixels; "
        "an epoch reads 2 videos, 6.0 MB; up to 1 GiB of it are kept decoded after the first time"
    )


def test_sizes_and_empty_files(tmp_path):
    data = toy(tmp_path, train="a b c", test="d", files="train/a.mp4 train/b.mp4 test/d.mp4")
    (tmp_path / "train" / "a.mp4").write_bytes(bytes(1500))
    lists = read_lists(data, ("train",))
    sizes = sizes_of(lists.samples["train"])
    assert sorted(sizes.values()) == [0, 1500]
    check = check_sizes(lists, sizes)
    assert (check.verdict, check.found) == ("warning", "2 files, 1.5 kB, 1 of them empty")
    assert check.items == [str(tmp_path / "train" / "b.mp4")]
    assert [gigabytes(size) for size in (0, 2e6, 3.14e9, 1.5e12)] == ["0.0 kB", "2.0 MB", "3.1 GB", "1.5 TB"]

"""The array-backed list against a plain one, and what it saves forked workers."""

import multiprocessing
import os
import pickle
import time

import pytest

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.index import SampleIndex

SAMPLES = [
    Sample("/data/a.mp4", "a", 3, ("a dog runs", "un été à la plage 🎬")),
    Sample("s3://bucket/b.mp4", "b"),
    Sample(os.fsdecode(b"/data/\xff\xfe.mp4"), "", -1, ("",)),
    Sample("shard-00001.tar#c.mp4", "c", 0, ("x", "", "y")),
    Sample("d.mp4", "d", annotation={"segments": [[0.5, 2.0, "fällt"]], "frames": 3}),
]


def test_it_is_the_same_sequence_as_a_list():
    index = SampleIndex(SAMPLES)
    assert list(index) == SAMPLES
    assert len(index) == 5
    assert [index[i] for i in range(-5, 5)] == [SAMPLES[i] for i in range(-5, 5)]
    assert index[1:3] == SAMPLES[1:3]
    assert index[::-1] == SAMPLES[::-1]
    assert index == SAMPLES
    assert index == SampleIndex(iter(SAMPLES))
    assert index != SAMPLES[:4]
    assert index != SAMPLES[::-1]
    assert index.index(SAMPLES[2]) == 2
    assert SAMPLES[4] in index
    assert not SampleIndex()
    for outside in (5, -6):
        with pytest.raises(IndexError):
            index[outside]


def test_it_grows_at_its_end():
    index = SampleIndex()
    for number, sample in enumerate(SAMPLES):
        index.append(sample)
        assert list(index) == SAMPLES[: number + 1]


def made(count: int):
    return (Sample(f"/datasets/train/{n:09d}.mp4", f"video{n:09d}", n % 400, (f"caption {n}",)) for n in range(count))


def test_it_survives_pickling_and_takes_little_more_than_its_text():
    index = SampleIndex(made(10_000))
    packed = pickle.dumps(index)
    assert pickle.loads(packed) == index
    text = sum(len(s.path) + len(s.key) + len(s.texts[0]) for s in made(10_000))
    assert len(packed) < text + 10_000 * 6 * 8 + 2000  # six numbers of eight bytes an entry


def test_a_million_entries_are_made_and_read_in_seconds():
    started = time.process_time()
    index = SampleIndex(made(200_000))
    assert index[123_456].key == "video000123456"
    assert sum(sample.label for sample in index) == sum(n % 400 for n in range(200_000))
    assert time.process_time() - started < 10  # 1.4 s, and 6.7 s for a million


def _own_megabytes() -> float:
    """Memory of this process that it shares with no other."""
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_")) / 1024


def _read_all(samples, grown) -> None:
    before = _own_megabytes()
    for _ in range(2):  # epochs
        for number in range(len(samples)):
            sample = samples[number]
            hash((sample.path, sample.key, *sample.texts))  # a loader reads all of them
    grown.put(_own_megabytes() - before)


def growth(samples) -> float:
    """MB that the worse of two forked workers takes for itself while both read all samples."""
    context = multiprocessing.get_context("fork")
    grown = context.SimpleQueue()
    workers = [context.Process(target=_read_all, args=(samples, grown)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return max(grown.get() for _ in workers)


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="Linux tells what a process shares")
def test_the_memory_of_workers_does_not_grow_with_the_list():
    small, large = growth(SampleIndex(made(20_000))), growth(SampleIndex(made(200_000)))
    objects = growth(list(made(200_000)))
    print(f"MB a worker: {small:.1f} with 20,000 entries, {large:.1f} with 200,000, {objects:.1f} with as many objects")
    assert large < small + 4
    assert objects > 20  # so that the measure can fail
    assert large < objects / 10

"""Which files a scan takes, and that it decodes each only once."""

from pathlib import Path

import pytest

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.doctor import pool
from internvideo_pl.data.doctor.scan import choose, scan
from internvideo_pl.data.manifest import FileRecord, Manifest
from tests.data.clips import write_video
from tests.data.doctor.test_inspect import write_pictures


def samples(split: str, count: int) -> list[Sample]:
    return [Sample(f"/data/{split}/{i}.mp4", f"{split}-{i}") for i in range(count)]


def keys(chosen: list[Sample]) -> set[str]:
    return {sample.key for sample in chosen}


def test_splits_get_equal_shares_as_far_as_they_reach():
    lists = {"train": samples("train", 1000), "test": samples("test", 30)}
    assert {split: len(found) for split, found in choose(lists, 200, 0).items()} == {"train": 170, "test": 30}
    assert {split: len(found) for split, found in choose(lists, 40, 0).items()} == {"train": 20, "test": 20}
    assert {split: len(found) for split, found in choose(lists, None, 0).items()} == {"train": 1000, "test": 30}
    assert list(choose(lists, 40, 0)) == ["train", "test"]


def test_the_choice_hangs_on_the_seed_and_hardly_on_the_other_files():
    lists = {"train": samples("train", 1000)}
    chosen = keys(choose(lists, 100, 0)["train"])
    assert keys(choose({"train": lists["train"][::-1]}, 100, 0)["train"]) == chosen
    assert len(keys(choose(lists, 100, 1)["train"]) & chosen) < 30  # 10 by chance
    fewer = {"train": [sample for sample in lists["train"] if sample.key != min(chosen)]}
    assert len(keys(choose(fewer, 100, 0)["train"]) - chosen) == 1


@pytest.fixture
def chosen(tmp_path) -> dict[str, list[Sample]]:
    for i in range(3):
        write_video(tmp_path / f"{i}.mp4", frames=4 + i)
    found = [Sample(str(tmp_path / f"{i}.mp4"), str(i)) for i in range(3)]
    return {"train": found[:2], "test": found[1:]}  # one video stands in both


def test_a_second_scan_decodes_nothing_and_a_third_only_what_changed(tmp_path, chosen, monkeypatch):
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    first = scan(chosen, manifest, 2)
    assert first.decoded == 3
    assert {sample.key: first.of(sample).frames for split in chosen.values() for sample in split} == dict(
        zip("012", (4, 5, 6), strict=True)
    )

    asked = []

    def inspected(jobs, processes):
        asked.extend(job.name for job in jobs)
        return real(jobs, processes)

    real = pool.inspect_all
    monkeypatch.setattr(pool, "inspect_all", inspected)
    second = scan(chosen, Manifest.load(tmp_path / "cache", tmp_path), 2)
    assert (second.decoded, asked) == (0, [])
    assert second.records == first.records
    write_video(tmp_path / "1.mp4", frames=9)
    third = scan(chosen, Manifest.load(tmp_path / "cache", tmp_path), 2)
    assert (third.decoded, asked) == (1, ["1.mp4"])
    assert third.of(chosen["test"][0]).frames == 9


def test_what_was_stuck_is_tried_again_and_what_was_only_hashed_is_decoded(tmp_path, chosen):
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    known = {record.path: record for record in scan(chosen, manifest, 2).records.values()}
    for name, status in (("0.mp4", "stuck"), ("1.mp4", "hashed")):
        manifest.add([FileRecord(name, known[name].size, known[name].changed, status)])
    again = scan(chosen, manifest, 2)
    assert again.decoded == 2
    assert {record.status for record in again.records.values()} == {"sound"}


def test_excerpts_share_the_record_of_their_video_and_pictures_are_no_videos(tmp_path, chosen, monkeypatch):
    path = chosen["train"][0].path
    write_pictures(tmp_path / "frames")
    found = [
        Sample(f"{path}#t=0.100,0.300", "a"),
        Sample(f"{path}#t=0.300,0.400", "b"),
        Sample(f"{tmp_path}/frames", "c"),
    ]
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    seen = scan({"train": found}, manifest, 1)
    assert seen.decoded == 2
    assert seen.of(found[0]) is seen.of(found[1])
    assert (seen.of(found[0]).path, seen.of(found[0]).frames) == ("0.mp4", 4)
    assert (seen.of(found[2]).status, seen.of(found[2]).frames) == ("sound", 3)
    assert manifest.known(found[1].path) == seen.of(found[0])
    Path(path).write_bytes(b"no video")
    manifest.add(scan({"train": found}, manifest, 1).records.values())
    assert manifest.hopeless(sample.path for sample in found).keys() == {found[0].path, found[1].path}


def test_an_interrupted_scan_keeps_what_it_found(tmp_path, chosen, monkeypatch):
    def interrupted(jobs, processes):
        yield from real(list(jobs)[:1], processes)
        raise KeyboardInterrupt

    real = pool.inspect_all
    monkeypatch.setattr(pool, "inspect_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scan(chosen, Manifest.load(tmp_path / "cache", tmp_path), 2)
    monkeypatch.undo()
    assert scan(chosen, Manifest.load(tmp_path / "cache", tmp_path), 2).decoded == 2

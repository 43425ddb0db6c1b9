"""Packing: deterministic, restartable, honest about what is not in it."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.shards import pack as packing
from internvideo_pl.data.shards.lookup import Shards
from internvideo_pl.data.shards.manifest import checksum, read_manifest
from internvideo_pl.data.shards.pack import pack
from internvideo_pl.data.shards.plan import make_plan
from internvideo_pl.data.shards.reencode import Reencode
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
from tests.data.clips import write_video


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(7):
        write_video(folder / f"{number}.mp4", frames=8)
    (folder / "bad.mp4").write_bytes(b"no video at all")
    found = [Sample(str(folder / f"{number}.mp4"), f"id.{number}", number, (f"n {number}",)) for number in range(7)]
    return [*found[:2], Sample(str(folder / "bad.mp4"), "bad", 9), *found[2:], found[0]]  # two lists name the first


SMALL = 3 * 2000  # bytes a shard: some three of the videos


def contents(folder: Path) -> dict[str, str]:
    return {path.name: checksum(path) for path in sorted(folder.glob("*.tar"))}


def test_every_video_is_packed_as_it_is_found_by_its_key_and_read_alike(samples, tmp_path):
    manifest = pack("toy", samples, tmp_path / "s", missing=["gone"], max_bytes=SMALL)
    assert manifest.finished
    assert len(manifest.shards) > 1
    assert manifest.videos == 7
    assert list(manifest.unreadable) == ["bad"]
    assert manifest.missing == ["gone"]
    shards = Shards(tmp_path / "s")
    assert list(shards) == [f"id.{number}" for number in range(7)]
    assert "bad" not in shards
    assert shards.protocol == {}
    for sample in samples[:2]:
        here, there = open_source(sample.path), open_source(shards[sample.key])
        assert there.num_frames() == 8
        assert here.frames(range(8)).equal(there.frames(range(8)))
    with tarfile.open(tmp_path / "s" / "shard-00000.tar") as archive:
        assert archive.getnames()[:2] == ["id%2E0.mp4", "id%2E0.json"]
        told = json.load(archive.extractfile("id%2E0.json"))
        assert told == {"key": "id.0", "label": 0, "texts": ["n 0"]}
        assert archive.extractfile("id%2E0.mp4").read() == Path(samples[0].path).read_bytes()
    for path in (tmp_path / "s").glob("*.tar"):
        assert path.stat().st_size < SMALL + 7 * 2048 + 10240  # originals, headers, words, the end


def test_checksums_are_those_of_sha256sum(samples, tmp_path):
    pack("toy", samples, tmp_path / "s", max_bytes=SMALL)
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path / "s", capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.count("OK") == len(contents(tmp_path / "s"))


def test_the_archives_do_not_depend_on_the_number_of_processes(samples, tmp_path):
    settings = Reencode(size=32)
    one = pack("toy", samples, tmp_path / "one", settings=settings, max_bytes=SMALL)
    two = pack("toy", samples, tmp_path / "two", settings=settings, max_bytes=SMALL, jobs=2)
    assert one == two
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    shards = Shards(tmp_path / "two")
    assert open_source(shards["id.6"]).frames([0]).shape == (1, 32, 42, 3)
    assert shards.protocol == {"videos": "re-encoded, size 32, gop 12, crf 23, b_frames 3"}


def test_finished_shards_are_kept_and_damaged_ones_made_again(samples, tmp_path):
    folder = tmp_path / "s"
    pack("toy", samples, folder, max_bytes=SMALL)
    before, times = contents(folder), {path.name: path.stat().st_mtime_ns for path in folder.glob("*.tar")}
    damaged, absent, _ = sorted(times)[:3]
    content = bytearray((folder / damaged).read_bytes())
    content[700] ^= 1
    (folder / damaged).write_bytes(content)
    (folder / absent).unlink()
    pack("toy", samples, folder, max_bytes=SMALL)
    assert contents(folder) == before
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.tar")}
    assert {name for name in times if after[name] != times[name]} == {damaged, absent}


SCRIPT = """
import sys
from pathlib import Path
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.shards.pack import pack
from internvideo_pl.data.shards.reencode import Reencode

if __name__ == "__main__":
    found = [Sample(str(path), path.stem) for path in sorted(Path(sys.argv[1]).glob("[0-9]*.mp4"))]
    pack("toy", found, Path(sys.argv[2]), settings=Reencode(gop=2), max_bytes=1, jobs=2)
"""


def test_a_packing_that_is_killed_goes_on_where_it_stopped(samples, tmp_path):
    videos, folder, script = tmp_path / "videos", tmp_path / "killed", tmp_path / "script.py"
    for number in range(3):  # long ones at the end, so that it is in the middle of one
        write_video(videos / f"9{number}.mp4", frames=150, width=320, height=240)
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, script, videos, folder]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 90
    while len(list(folder.glob("shard-?????.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait_for_workers(process.pid)
    done = {path.name: path.stat().st_mtime_ns for path in folder.glob("shard-?????.json")}
    assert 4 <= len(done) < 10
    with pytest.raises(UserError, match="not finished"):
        Shards(folder)
    found = [Sample(str(path), path.stem) for path in sorted(videos.glob("[0-9]*.mp4"))]
    manifest = pack("toy", found, folder, settings=Reencode(gop=2), max_bytes=1)
    assert manifest == pack("toy", found, tmp_path / "unbroken", settings=Reencode(gop=2), max_bytes=1)
    assert contents(folder) == contents(tmp_path / "unbroken")
    assert {name: (folder / name).stat().st_mtime_ns for name in done} == done
    assert not list(folder.glob(".*.tmp"))


def _wait_for_workers(group: int) -> None:
    """The processes of a killed parent end by themselves."""
    deadline = time.monotonic() + 30
    while _alive(group):
        if time.monotonic() > deadline:
            pytest.fail("processes outlived their parent")
        time.sleep(0.05)


def _alive(group: int) -> list[str]:
    """Processes of a group that have not ended."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            state, _, own, *_ = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()
            if int(own) == group and state != "Z":
                found.append(process)
    return found


def test_a_folder_never_holds_two_packings(samples, tmp_path):
    folder = tmp_path / "s"
    pack("toy", samples, folder, max_bytes=SMALL)
    with pytest.raises(UserError, match="re-encoded not at all"):
        pack("toy", samples, folder, settings=Reencode(), max_bytes=SMALL)
    with pytest.raises(UserError, match="holds toy"):
        pack("other", samples, folder, max_bytes=SMALL)
    before = contents(folder)
    with pytest.raises(UserError, match="finished, but the videos or the list have changed"):
        pack("toy", samples[:3], folder, max_bytes=SMALL)  # as when originals were removed after packing
    assert contents(folder) == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.tar").touch()
    with pytest.raises(UserError, match="holds other tar archives"):
        pack("toy", samples, other)


def test_two_do_not_pack_into_one_folder_at_once(samples, tmp_path):
    with packing._locked(tmp_path), pytest.raises(UserError, match="another process packs"):
        pack("toy", samples, tmp_path)


def test_what_cannot_be_packed_at_all_is_said(samples, tmp_path):
    with pytest.raises(UserError, match="none of the 1 videos of toy"):
        pack("toy", [], tmp_path / "s", missing=["gone"])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written .*goes on where it stopped"):
        pack("toy", samples, tmp_path / "file" / "s")
    twice = [samples[0], Sample(samples[1].path, samples[0].key)]
    with pytest.raises(UserError, match="names two videos"):
        pack("toy", twice, tmp_path / "s")


def test_a_plan_is_decided_by_names_sizes_times_and_settings(samples):
    def digests(*args):
        return [shard.digest for shard in make_plan(*args)]

    one = digests(samples, None, SMALL)
    assert digests(samples, None, SMALL) == one
    assert len(make_plan(samples, None)) == 1  # little altogether: no crumbs
    assert [len(shard.samples) for shard in make_plan(samples, None, 1)] == [1] * 8
    assert set(digests(samples, Reencode(), SMALL)).isdisjoint(one)
    os.utime(samples[-2].path, ns=(1, 1))
    changed = digests(samples, None, SMALL)
    assert changed[:-1] == one[:-1]
    assert changed[-1] != one[-1]


def test_shards_of_others_are_found_by_the_names_in_them(samples, tmp_path):
    """In WebDataset layout, without our manifest: the key is the name up to the first dot, as it stands."""
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        archive.add(samples[0].path, "100%41.mp4")
        archive.add(samples[1].path, "deep/x.y.mp4")
    assert dict(Shards(tmp_path)) == {
        "100%41": f"{tmp_path}/b.tar#100%41.mp4",
        "deep/x": f"{tmp_path}/b.tar#deep/x.y.mp4",
    }
    with tarfile.open(tmp_path / "c.tar", "w") as archive:
        archive.add(samples[0].path, "100%41.webm")
    with pytest.raises(UserError, match="two shards hold the video 100%41"):
        Shards(tmp_path)
    with pytest.raises(UserError, match="holds no shards"):
        Shards(tmp_path / "none")


def test_a_manifest_that_is_not_ours_is_an_error(tmp_path):
    (tmp_path / "shards.json").write_text('{"shards": []}')
    with pytest.raises(UserError, match=r"shards\.json cannot be read"):
        read_manifest(tmp_path)

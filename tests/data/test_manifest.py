"""What is known of files: written, read back, believed only while the files stay as they were."""

import os
from pathlib import Path

import numpy as np
import pytest

from internvideo_pl.data import manifest as module
from internvideo_pl.data.location import stamp_of
from internvideo_pl.data.manifest import FileRecord, Manifest, manifest_file
from internvideo_pl.errors import UserError


def put(root: Path, name: str, content: bytes = b"content") -> str:
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def record(root: Path, name: str, status="sound", **values) -> FileRecord:
    return FileRecord(name, *stamp_of(os.path.join(root, name)), status=status, **values)


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "kinetics400"
    folder.mkdir()
    return folder


NAMES = ["a.mp4", "train/zip lining/-_x [1].mp4", "größer/日本.webm", os.fsdecode(b"latin\xe9.avi"), "b#c%d.mp4"]


def test_what_was_written_is_read_back_equal(tmp_path, root):
    known = Manifest.load(tmp_path, root)
    for name in NAMES:
        put(root, name)
    facts = {"frames": 300, "fps": 29.97, "seconds": 10.01, "width": 340, "height": 256, "codec": "h264"}
    records = [record(root, name, reason=f"über {name}", digest="0" * 32, **facts) for name in NAMES]
    known.add(records)
    known.save()
    again = Manifest.load(tmp_path, root)
    assert len(again) == len(NAMES)
    assert [again.known(os.path.join(root, name)) for name in NAMES] == records
    assert again.known(put(root, "new.mp4")) is None
    assert [path.name for path in known.file.parent.iterdir()] == [known.file.name]  # no temporary left


def test_a_later_record_takes_the_place_of_an_earlier_one(tmp_path, root):
    path = put(root, "a.mp4")
    for status in ("hashed", "damaged", "sound"):
        known = Manifest.load(tmp_path, root)
        known.add([record(root, "a.mp4", status)])
        assert known.known(path).status == status
        known.save()
        assert len(known) == 1
    assert Manifest.load(tmp_path, root).known(path).status == "sound"


@pytest.mark.parametrize("change", ["size", "time", "gone"])
def test_a_changed_file_is_not_known(tmp_path, root, change):
    path = put(root, "a.mp4")
    known = Manifest.load(tmp_path, root)
    known.add([record(root, "a.mp4", "unreadable", reason="cut short")])
    assert known.hopeless([path]) == {path: "cut short"}
    if change == "size":
        stamp = os.stat(path)
        put(root, "a.mp4", b"longer content")
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    elif change == "time":
        os.utime(path, ns=(1, 1))
    else:
        os.remove(path)
    assert known.known(path) is None
    assert known.hopeless([path]) == {}


def test_hopeless_are_those_that_give_no_frame_among_those_asked_for(tmp_path, root):
    statuses = ("sound", "damaged", "unreadable", "stuck", "hashed")
    paths = {status: put(root, f"{status}.mp4") for status in statuses}
    other = put(root, "other.mp4")
    known = Manifest.load(tmp_path, root)
    known.add(record(root, f"{status}.mp4", status, reason=f"is {status}") for status in statuses)
    known.add([record(root, "other.mp4", "unreadable")])
    expected = {paths["unreadable"]: "is unreadable", paths["stuck"]: "is stuck"}
    assert known.hopeless(paths.values()) == expected
    known.save()
    assert Manifest.load(tmp_path, root).hopeless(iter(paths.values())) == expected
    assert other in known.hopeless([other])


def test_what_could_not_be_reached_is_not_kept(tmp_path, root):
    path = put(root, "a.mp4")
    known = Manifest.load(tmp_path, root)
    known.add([record(root, "a.mp4", "unreachable", reason="permission denied")])
    assert known.known(path) is None


def test_verdicts_of_another_ffmpeg_are_forgotten_and_counts_are_not(tmp_path, root, monkeypatch):
    sound, broken = put(root, "sound.mp4"), put(root, "broken.mp4")
    known = Manifest.load(tmp_path, root)
    known.add([record(root, "sound.mp4", frames=7), record(root, "broken.mp4", "unreadable")])
    known.save()
    monkeypatch.setattr(module, "ffmpeg_version", lambda: "99.0.0")
    again = Manifest.load(tmp_path, root)
    assert again.known(sound).frames == 7
    assert again.known(broken) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", os.urandom(500), None])
def test_a_damaged_manifest_is_an_empty_one(tmp_path, root, content):
    path = put(root, "a.mp4")
    known = Manifest.load(tmp_path, root)
    known.add([record(root, "a.mp4")])
    known.save()
    whole = known.file.read_bytes()
    known.file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    again = Manifest.load(tmp_path, root)
    assert again.known(path) is None
    again.add([record(root, "a.mp4")])
    again.save()
    assert Manifest.load(tmp_path, root).known(path) is not None


def test_a_manifest_with_objects_in_it_is_not_loaded(tmp_path, root):
    file = manifest_file(tmp_path, root)
    file.parent.mkdir()
    columns = {name: np.array([print], dtype=object) for name in module._FIELDS}
    np.savez(file, format=module.FORMAT, ffmpeg=module.ffmpeg_version(), **columns)
    assert len(Manifest.load(tmp_path, root)) == 0


def test_an_interrupted_save_leaves_the_one_before(tmp_path, root, monkeypatch):
    path = put(root, "a.mp4")
    known = Manifest.load(tmp_path, root)
    known.add([record(root, "a.mp4", frames=1)])
    known.save()
    known.add([record(root, "a.mp4", frames=2)])

    def full(file, **columns):
        file.write(b"half of it")
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(UserError, match=r"no space left on device.*INTERNVIDEO_CACHE"):
        known.save()
    monkeypatch.undo()
    assert Manifest.load(tmp_path, root).known(path).frames == 1
    assert len(list(known.file.parent.iterdir())) == 1


def test_each_folder_has_its_own(tmp_path, root):
    twin = tmp_path / "elsewhere" / root.name
    assert manifest_file(tmp_path, root) != manifest_file(tmp_path, twin)
    link = tmp_path / "link"
    link.symlink_to(root)
    assert manifest_file(tmp_path, link) == manifest_file(tmp_path, root)
    path = put(root, "a.mp4")
    known = Manifest.load(tmp_path, link)
    known.add([record(root, "a.mp4")])
    assert known.known(str(link / "a.mp4")) is not None
    assert known.name(path) == path  # another way to the same file is no name of this folder's


def test_stamp_of_a_folder_of_pictures_and_of_a_member_of_a_shard(tmp_path):
    for number in (1, 2):
        put(tmp_path, f"frames/{number:05d}.jpg", b"x" * number)
    folder = str(tmp_path / "frames")
    assert stamp_of(folder)[0] == 3
    before = stamp_of(folder)
    put(tmp_path, "frames/00003.jpg", b"xxx")
    assert stamp_of(folder) != before
    assert stamp_of(str(tmp_path / "shard.tar#a.mp4")) is None
    assert stamp_of(str(tmp_path / "nothing.mp4")) is None


def test_half_a_million_records_stay_small(tmp_path, root):
    names = [f"train/{number:011d}_000000_000010.mp4" for number in range(20_000)]
    many = (FileRecord(name, i, i, "sound", frames=300, digest=f"{i:032x}") for i, name in enumerate(names))
    known = Manifest.load(tmp_path, root)
    known.add(many)
    known.save()
    assert sum(column.nbytes for column in known._columns.values()) / 20_000 < 200  # bytes a record: 100 MB for 500,000
    assert known.file.stat().st_size / 20_000 < 60

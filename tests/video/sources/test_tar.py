"""Members of tar shards against the same files beside them; archives that lie, are cut short or hold traps."""

import json
import os
import shutil
import tarfile

import pytest
import torch

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.sources import tar_index as indices
from internvideo_pl.video.sources.tar import TarMember
from internvideo_pl.video.sources.tar_index import tar_index
from tests.data.clips import write_video


@pytest.fixture(autouse=True)
def fresh():
    indices._index.cache_clear()


def test_a_member_reads_like_the_file_itself(clip, write_tar, tmp_path):
    write_video(tmp_path / "other.mp4", frames=9)
    tar = write_tar(
        *(("a/clip.mp4", clip.read_bytes()), ("a/clip.json", b"{}")),
        *(("./b.mp4", (tmp_path / "other.mp4").read_bytes()), ("ü ö.mp4", clip.read_bytes())),
        ("long/" + "x" * 150 + ".mp4", clip.read_bytes()),
    )
    file = open_source(clip)
    for member in ("a/clip.mp4", "ü ö.mp4", "long/" + "x" * 150 + ".mp4"):
        source = open_source(f"{tar}#{member}")
        assert source.name == f"{tar}#{member}"
        assert source.num_frames() == file.num_frames() == 20
        assert torch.equal(source.frames([19, 3, 3], 32), file.frames([19, 3, 3], 32))
        assert (source.times() == file.times()).all()
        source.check()
    assert open_source(f"{tar}#./b.mp4").num_frames() == 9


def test_a_member_is_a_seekable_file_of_its_own_bytes(write_tar):
    tar = write_tar(("a.bin", bytes(range(200))), ("b.bin", b"tail"))
    with TarMember(str(tar), "a.bin").open() as file:
        assert file.read(3) == bytes([0, 1, 2])
        assert file.seek(-2, os.SEEK_END) == 198
        assert file.read(100) == bytes([198, 199])
        assert file.read(1) == b""
        assert file.seek(5) == 5
        assert file.seek(5, os.SEEK_CUR) == 10
        assert file.read() == bytes(range(10, 200))
        assert file.tell() == 200


def test_the_index_is_written_once_and_believed_while_the_archive_stays(write_tar, monkeypatch):
    tar = write_tar(("a.mp4", b"one"), ("b.mp4", b"three"))
    assert tar_index(str(tar)).members() == ["a.mp4", "b.mp4"]
    assert tar_index(str(tar)).find("b.mp4") == (1536, 5)
    assert tar_index(str(tar)).find("c.mp4") is None
    walks = []
    walk = indices._walk
    monkeypatch.setattr(indices, "_walk", lambda *args: walks.append(args) or walk(*args))
    indices._index.cache_clear()
    assert tar_index(str(tar)).members() == ["a.mp4", "b.mp4"]
    assert walks == []  # from beside the archive
    os.utime(tar, ns=(0, 0))
    assert tar_index(str(tar)).members() == ["a.mp4", "b.mp4"]
    assert len(walks) == 1  # the time of change is another
    write_tar(("a.mp4", b"one"), ("c.mp4", b"three"))
    os.utime(tar, ns=(1, 1))
    assert tar_index(str(tar)).members() == ["a.mp4", "c.mp4"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept["members"].__setitem__(0, ["a.mp4", 0, 5]),  # points elsewhere
        lambda kept: kept.pop("sha256"),
        lambda kept: kept.__setitem__("members", 3),
        lambda kept: kept.__setitem__("size", 7),
    ],
)
def test_an_index_that_cannot_be_believed_is_made_again(write_tar, damage):
    tar = write_tar(("a.mp4", b"one"))
    truth = tar_index(str(tar)).find("a.mp4")
    path = tar.with_name("shard.tar.index.json")
    kept = json.loads(path.read_text())
    damage(kept)
    path.write_text(json.dumps(kept))
    indices._index.cache_clear()
    assert tar_index(str(tar)).find("a.mp4") == truth
    path.write_text("{")
    indices._index.cache_clear()
    assert tar_index(str(tar)).find("a.mp4") == truth


def test_shards_may_lie_where_nobody_may_write(write_tar, monkeypatch):
    tar = write_tar(("a.mp4", b"one"))
    monkeypatch.setattr(indices, "_write", lambda *_: (_ for _ in ()).throw(PermissionError(13, "read-only")))
    assert tar_index(str(tar)).members() == ["a.mp4"]


def header(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    ("trap", "reason"),
    [
        (header("/etc/passwd"), "leads out"),
        (header("../../up.mp4"), "leads out"),
        (header("a/../../up.mp4"), "leads out"),
        (header("a\nb.mp4"), "unprintable"),
        (header("a.mp4", tarfile.SYMTYPE, "/etc/passwd"), "no plain file"),
        (header("a.mp4", tarfile.LNKTYPE, "b.mp4"), "no plain file"),
        (header("a.mp4", tarfile.CHRTYPE), "no plain file"),
        (header("a.mp4", tarfile.FIFOTYPE), "no plain file"),
    ],
)
def test_traps_are_refused_and_nothing_is_ever_extracted(write_tar, tmp_path, trap, reason):
    tar = write_tar(("b.mp4", b"x"), trap)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(DecodeError, match=reason) as caught:
        open_source(f"{tar}#b.mp4").num_frames()
    assert caught.value.path == f"{tar}#b.mp4"  # the ledger counts videos
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_folders_in_an_archive_are_no_members_and_names_are_there_once(write_tar):
    tar = write_tar(header("a", tarfile.DIRTYPE), ("a/b.mp4", b"x"))
    assert tar_index(str(tar)).members() == ["a/b.mp4"]
    twice = write_tar(("a.mp4", b"x"), ("a.mp4", b"y"), name="twice.tar")
    with pytest.raises(DecodeError, match=r"'a\.mp4' is there twice"):
        tar_index(str(twice))


@pytest.mark.parametrize("left", [0, 300, 1000, 1600, 2000, 3000])
def test_an_archive_that_was_cut_short_is_never_read_as_whole(write_tar, left):
    tar = write_tar(("a.mp4", b"x" * 1000), ("b.mp4", b"y" * 1000))
    tar.write_bytes(tar.read_bytes()[:left])
    with pytest.raises(DecodeError, match=r"cut short|no whole|empty"):
        tar_index(str(tar))


def test_a_damaged_header_is_not_taken_for_the_end(write_tar):
    tar = write_tar(("a.mp4", b"x" * 1000), ("b.mp4", b"y" * 1000))
    content = bytearray(tar.read_bytes())
    content[1536] ^= 0xFF  # the second header's first byte
    tar.write_bytes(content)
    with pytest.raises(DecodeError, match="damaged at byte 1536"):
        tar_index(str(tar))


def test_a_compressed_archive_and_a_missing_member_are_said_so(write_tar, clip, tmp_path):
    packed = write_tar(("a.mp4", b"x"), name="packed.tar", mode="w:gz")
    with pytest.raises(DecodeError, match="uncompressed"):
        tar_index(str(packed))
    tar = write_tar(("a.mp4", clip.read_bytes()))
    for location, reason in ((f"{tar}#b.mp4", "no such member"), (f"{tmp_path}/none.tar#a.mp4", "no such file")):
        with pytest.raises(DecodeError, match=reason) as caught:
            open_source(location).num_frames()
        assert caught.value.path == location


def test_a_shard_that_is_replaced_gives_the_new_video(write_tar, clip, tmp_path):
    tar = write_tar(("a.mp4", clip.read_bytes()))
    assert open_source(f"{tar}#a.mp4").num_frames() == 20
    write_video(tmp_path / "new.mp4", frames=7)
    shutil.move(write_tar(("a.mp4", (tmp_path / "new.mp4").read_bytes()), name="new.tar"), tar)
    assert open_source(f"{tar}#a.mp4").num_frames() == 7

"""One file read through: what is found equals what the reader, the file system and hashlib say of it."""

import hashlib
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from internvideo_pl.data.doctor.contents import digest_of, pieces_of
from internvideo_pl.data.doctor.inspect import QUIET, inspect
from internvideo_pl.data.manifest import Manifest
from internvideo_pl.video.decode import probe
from tests.data.clips import write_video

REAL = Path(__file__).resolve().parents[4] / "shared" / "videos"


def write_pictures(folder: Path, count: int = 3) -> None:
    folder.mkdir()
    for number in range(1, count + 1):
        picture = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 40 * number, np.uint8), format="rgb24")
        picture.reformat(format="yuvj420p").save(str(folder / f"{number:05d}.jpg"))


def test_a_sound_file(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, frames=16, width=64, height=48)
    found = inspect(str(path), "train/a.mp4")
    assert (found.path, found.status, found.reason) == ("train/a.mp4", "sound", "")
    assert (found.frames, found.fps, found.seconds, found.width, found.height) == (16, 10.0, pytest.approx(1.6), 64, 48)
    assert (found.codec, found.stated_frames, found.stated_fps) == ("h264", 16, 10.0)
    assert found.stated_seconds == pytest.approx(1.6)
    assert (found.size, found.changed) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert found.digest == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", "unreadable", "empty"),
        (b"<html>404 not found</html>", "unreadable", "invalid data"),
        (None, "unreadable", ""),
    ],
)
def test_files_that_give_no_frame(tmp_path, content, status, says):
    path = tmp_path / "a.mp4"
    write_video(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    found = inspect(str(path), "a.mp4")
    assert found.status == status
    assert says in found.reason
    assert found.reason
    assert found.frames == 0


def test_what_cannot_be_reached_is_no_verdict_on_the_contents(tmp_path):
    assert inspect(str(tmp_path / "gone.mp4"), "gone.mp4").status == "unreachable"
    os.mkfifo(tmp_path / "pipe.mp4")  # opening it would wait for ever
    found = inspect(str(tmp_path / "pipe.mp4"), "pipe.mp4")
    assert (found.status, found.reason) == ("unreachable", "is not a regular file")
    assert inspect(str(tmp_path / "no.tar#a.mp4"), "no.tar#a.mp4").status == "unreachable"


def test_a_folder_of_pictures(tmp_path):
    write_pictures(tmp_path / "7")
    found = inspect(str(tmp_path / "7"), "7", pictures=True)
    assert (found.status, found.frames, found.width, found.height) == ("sound", 3, 32, 24)
    assert found.size == sum(path.stat().st_size for path in (tmp_path / "7").iterdir())
    whole = b"".join(path.read_bytes() for path in sorted((tmp_path / "7").iterdir()))
    assert found.digest == hashlib.blake2b(whole, digest_size=16).hexdigest()
    last = tmp_path / "7" / "00003.jpg"
    last.write_bytes(last.read_bytes()[:100])
    damaged = inspect(str(tmp_path / "7"), "7", pictures=True)
    assert damaged.status == "damaged"
    assert "00003.jpg" in damaged.reason
    (tmp_path / "7" / "00002.jpg").unlink()
    assert inspect(str(tmp_path / "7"), "7", pictures=True).status == "unreadable"


def test_a_single_picture_in_a_file_and_in_a_shard(tmp_path):
    write_pictures(tmp_path / "7", count=1)
    picture = tmp_path / "7" / "00001.jpg"
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        tar.add(picture, "a.jpg")
    for location in (str(picture), f"{tmp_path}/shard.tar#a.jpg"):
        found = inspect(location, "x", pictures=True)
        assert (found.status, found.frames, found.width, found.height) == ("sound", 1, 32, 24)
        assert found.digest == hashlib.blake2b(picture.read_bytes(), digest_size=16).hexdigest()
        assert found.size == picture.stat().st_size
    picture.write_bytes(picture.read_bytes()[:100])
    assert inspect(str(picture), "x", pictures=True).status == "unreadable"


def test_a_member_of_a_shard_is_the_file_that_was_packed(tmp_path):
    write_video(tmp_path / "a.mp4")
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        tar.add(tmp_path / "a.mp4", "a.mp4")
        tar.add(tmp_path / "a.mp4", "folder/b.mp4")
    packed = inspect(f"{tmp_path}/shard.tar#folder/b.mp4", "x")
    assert replace(packed, changed=0) == replace(inspect(str(tmp_path / "a.mp4"), "x"), changed=0)
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    location = f"{tmp_path}/shard.tar#folder/b.mp4"
    manifest.add([replace(packed, path="shard.tar#folder/b.mp4")])
    assert manifest.known(location).frames == 16
    os.utime(tmp_path / "shard.tar", ns=(1, 1))
    assert manifest.known(location) is None


def test_every_frame_is_a_sign_of_life(tmp_path):
    write_video(tmp_path / "a.mp4", frames=16)
    beats = []
    inspect(str(tmp_path / "a.mp4"), "a.mp4", beats.append)
    assert len(beats) >= 16
    assert max(beats) > QUIET  # counting frames may take longer than one frame


def test_pieces_tell_files_of_equal_size_apart(tmp_path):
    contents = {"a": bytes(50_000), "same": bytes(50_000)}
    contents |= {name: bytes(place) + b"x" + bytes(49_999 - place) for name, place in (("head", 9), ("end", 49_990))}
    contents["middle"] = bytes(25_100) + b"x" + bytes(24_899)
    contents["between"] = bytes(10_000) + b"x" + bytes(39_999)
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    pieces = {name: pieces_of(str(tmp_path / name), 50_000) for name in contents}
    assert pieces["a"] == pieces["same"] == pieces["between"]  # which is why the whole is hashed in the end
    assert len(set(pieces.values())) == 4
    assert digest_of(str(tmp_path / "a")) != digest_of(str(tmp_path / "between"))


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real clips beside the project")
def test_real_clips_claim_what_they_hold_and_agree_with_the_reader():
    for path in sorted(REAL.glob("*.*")):
        if path.suffix == ".md":
            continue
        found = inspect(str(path), path.name)
        if path.name == "decord_corrupted.mp4":
            assert found.status == "damaged"
            continue
        info = probe(path)
        assert (found.status, found.reason) == ("sound", "")
        assert (found.frames, found.fps, found.width, found.height, found.codec) == (
            *(info.num_frames, info.fps, info.width, info.height),
            info.codec,
        )
        assert found.seconds == pytest.approx(info.duration)
        assert found.stated_frames in (0, found.frames)
        assert found.stated_seconds == pytest.approx(found.seconds, abs=0.05)

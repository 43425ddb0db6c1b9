"""The reader on real clips of many cameras and encoders, where a folder of them lies beside the project."""

import random
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from internvideo_pl.video import decode
from internvideo_pl.video.decode import DecodeError, check, num_frames, probe, read_frames

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "videos"
DAMAGED = "decord_corrupted.mp4"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of real clips beside the project")


def _sound() -> list[str]:
    names = [path.name for path in sorted(FOLDER.glob("*")) if path.suffix in {".mp4", ".mkv", ".avi", ".webm"}]
    return [name for name in names if name != DAMAGED]


@pytest.mark.parametrize("name", _sound())
def test_reads_equal_the_full_decode_the_short_way(name, decode_all, monkeypatch):
    monkeypatch.setattr(decode, "_in_sequence", lambda *_: pytest.fail("decoded in sequence"))
    path = FOLDER / name
    expected, _ = decode_all(path)
    if "rotated" in name:
        expected = np.rot90(expected, axes=(1, 2))
    count = num_frames(path)
    assert count == len(expected)
    rng = random.Random(name)
    for _ in range(3):
        scattered = rng.sample(range(count), min(8, count))
        first = rng.randrange(count)
        for indices in (scattered, [min(first + 4 * i, count - 1) for i in range(16)]):
            assert torch.equal(read_frames(path, indices), torch.from_numpy(expected[indices]))


def test_what_is_known_of_some(decode_all):
    assert num_frames(FOLDER / "tc_discard_first_keyframe.mp4") == 25
    two_streams = probe(FOLDER / "tc_nasa_13013.mp4")
    assert (two_streams.num_frames, two_streams.width, two_streams.height) == (390, 480, 270)
    rotated = probe(FOLDER / "tc_nasa_13013_rotated.mp4")
    assert (rotated.width, rotated.height) == (270, 480)


def test_the_damaged_one_raises():
    path = FOLDER / DAMAGED
    with pytest.raises(DecodeError, match="cannot be decoded"):
        check(path)
    with pytest.raises(DecodeError, match="cannot be decoded"):
        read_frames(path, range(num_frames(path)))
    with av.open(str(path)) as file, pytest.raises(av.FFmpegError):
        list(file.decode(video=0))

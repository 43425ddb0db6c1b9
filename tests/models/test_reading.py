"""Files and frames to clips: the protocols by hand, and every mistake a sentence."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.models.reading import Reading
from internvideo_pl.video.decode import read_frames
from internvideo_pl.video.transform import center_crop
from tests.data.clips import write_video

SPREAD = Reading(num_frames=8, size=16, short_side=18, sampling="spread")
DENSE = Reading(num_frames=4, size=16, short_side=16, sampling="dense", stride=4)


@pytest.fixture
def frames():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (30, 20, 26, 3), dtype=torch.uint8, generator=generator)


def test_protocols_by_hand():
    assert SPREAD.indices(100).tolist() == [
        0,
        14,
        28,
        42,
        56,
        70,
        84,
        99,
    ]  # the release's demo: int(linspace(0, 99, 8))
    assert SPREAD.indices(3).tolist() == [0, 0, 0, 0, 1, 1, 1, 2]
    assert DENSE.indices(32).tolist() == [8, 12, 16, 20]  # of 8 strided frames, the middle 4
    assert DENSE.indices(9).tolist() == [0, 4, 8, 8]  # too short: its last frame again
    assert DENSE.indices(1).tolist() == [0, 0, 0, 0]
    segments = Reading(num_frames=4, size=16, short_side=16, sampling="segments")
    assert segments.indices(40).tolist() == [5, 15, 25, 35]


def test_a_file_gives_the_frames_that_the_protocol_names(tmp_path):
    levels = write_video(tmp_path / "clip.mp4", frames=30)
    clip = SPREAD.clip(tmp_path / "clip.mp4")
    assert clip.shape == (8, 16, 16, 3)
    shown = clip.float().mean(dim=(1, 2, 3)).numpy()
    np.testing.assert_allclose(shown, levels[SPREAD.indices(30)], atol=4)
    expected = center_crop(read_frames(tmp_path / "clip.mp4", SPREAD.indices(30).tolist(), 18), 16)
    assert torch.equal(clip, expected)
    assert torch.equal(SPREAD.clip(str(tmp_path / "clip.mp4")), clip)


def test_frames_are_sampled_like_a_file_unless_they_are_a_clip_already(frames):
    assert torch.equal(SPREAD.clip(frames), SPREAD.clip(frames[torch.from_numpy(SPREAD.indices(30))]))
    assert torch.equal(SPREAD.clip(frames.numpy()), SPREAD.clip(frames))
    assert torch.equal(SPREAD.clip(frames.numpy()[::-1]), SPREAD.clip(frames.flip(0)))
    assert SPREAD.clip(frames[:1]).shape == (8, 16, 16, 3)


def test_the_middle_square_is_taken(frames):
    wide = torch.zeros(4, 16, 48, 3, dtype=torch.uint8)
    wide[:, :, 16:32] = 200
    assert DENSE.clip(wide).eq(200).all()
    assert DENSE.clip(wide.transpose(1, 2)).eq(200).all()


def test_batches_keep_the_order_and_take_files_and_frames_together(tmp_path, frames):
    write_video(tmp_path / "a.mp4", frames=10)
    videos = [tmp_path / "a.mp4", frames, frames[:5], str(tmp_path / "a.mp4"), frames[:9]]
    batches = list(SPREAD.batches(videos, 2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert torch.equal(torch.cat(batches), torch.stack([SPREAD.clip(video) for video in videos]))
    one = torch.cat(list(SPREAD.batches(torch.stack([frames, frames.flip(0)]), 8)))
    assert torch.equal(one, torch.stack([SPREAD.clip(frames), SPREAD.clip(frames.flip(0))]))
    assert len(next(SPREAD.batches(frames, 8))) == len(next(SPREAD.batches(tmp_path / "a.mp4", 8))) == 1


def test_no_bar_is_drawn_where_nobody_looks(frames, capsys):
    list(SPREAD.batches([frames] * 3, 1))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("video", "sentence"),
    [
        (torch.zeros(8, 20, 20, 3), r"RGB bytes, uint8 .*, got torch.float32: values in \[0, 1\] become bytes"),
        (torch.full((8, 20, 20, 3), torch.nan), "got torch.float32"),
        (torch.zeros(8, 20, 20, 3, dtype=torch.int64), "got torch.int64"),
        (np.zeros((8, 20, 20, 3), dtype=np.uint16), "got uint16"),
        (torch.zeros(8, 3, 20, 20, dtype=torch.uint8), r"got \(8, 3, 20, 20\): move the channels last"),
        (torch.zeros(8, 20, 20, 4, dtype=torch.uint8), r"got \(8, 20, 20, 4\)\."),
        (torch.zeros(20, 20, 3, dtype=torch.uint8), r"got \(20, 20, 3\)"),
        (torch.zeros(0, 20, 20, 3, dtype=torch.uint8), "has no pixels: give at least one frame"),
        (torch.zeros(8, 0, 20, 3, dtype=torch.uint8), "has no pixels"),
        (None, "not NoneType"),
        (3, "not int"),
        ("nowhere.mp4", "nowhere.mp4 cannot be read as a video: no such file"),
    ],
)
def test_mistakes_in_a_video(video, sentence):
    with pytest.raises(UserError, match=sentence):
        SPREAD.clip(video)


def test_mistakes_in_a_list(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(UserError, match="there are no videos"):
        next(SPREAD.batches([], 8))
    with pytest.raises(UserError, match=r"got \(2, 2\)"):
        next(SPREAD.batches(torch.zeros(2, 2), 8))
    with pytest.raises(UserError, match="there are no videos"):
        next(SPREAD.batches(torch.zeros(0, 8, 4, 4, 3, dtype=torch.uint8), 8))
    with pytest.raises(UserError, match="batch_size=0"):
        next(SPREAD.batches(["a"], 0))
    for name in ("empty.mp4", "text.mp4"):
        with pytest.raises(UserError, match=f"{name} cannot be read as a video"):
            next(SPREAD.batches([tmp_path / name], 8))


@pytest.mark.parametrize("change", [{"num_frames": 0}, {"size": 0}, {"stride": 0}, {"short_side": 15}])
def test_a_reading_that_cannot_be(change):
    values = {"num_frames": 4, "size": 16, "short_side": 16, "sampling": "dense", "stride": 4}
    with pytest.raises(UserError, match="must be at least 1, and short_side at least size"):
        Reading(**{**values, **change})

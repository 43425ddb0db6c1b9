"""Frame numbers against worked examples and against the public release's definitions written out step by step."""

import numpy as np
import pytest

from internvideo_pl.video.sample import (
    dense_center,
    dense_pretrain,
    dense_train,
    dense_views,
    per_second,
    segments_center,
    segments_train,
    sliding_windows,
    sparse_views,
    spread,
)

LENGTHS = (1, 2, 3, 7, 15, 16, 17, 40, 63, 64, 65, 66, 100, 299, 300, 1001)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_dense_center_by_hand():
    # 300 frames, 16 x 4: the window ends at (64 + 300) // 2 = 182 and begins at 118; 15 steps of 64 / 15 frames
    assert dense_center(300, 16, 4).tolist() == [
        *(118, 122, 126, 130, 135, 139, 143, 147),
        *(152, 156, 160, 164, 169, 173, 177, 181),
    ]


def test_a_video_as_short_as_the_window_by_hand():
    # 10 frames, 4 x 4: linspace(0, 10, 2) = 0, 10; two frames short; everything past 9 is 9
    assert dense_center(10, 4, 4).tolist() == [0, 9, 9, 9]
    assert dense_train(10, 4, 4, rng()).tolist() == [0, 9, 9, 9]
    # 3 frames at stride 4: nothing is taken by the stride, the last frame stands in for all
    assert dense_center(3, 4, 4).tolist() == [2, 2, 2, 2]


def test_dense_train_window():
    """Every window has the released shape, and every end from the window's length to the last frame but one occurs."""
    ends = set()
    for seed in range(300):
        clip = dense_train(20, 4, 4, rng(seed))
        end = int(clip[0]) + 16
        ends.add(end)
        assert clip.tolist() == [end - 16, int(end - 16 + 16 / 3), int(end - 16 + 32 / 3), end - 1]
    assert ends == {16, 17, 18, 19}


def test_dense_pretrain_by_hand():
    clip = dense_pretrain(300, 16, 4, rng())
    assert np.diff(clip).tolist() == [4] * 15
    assert {int(dense_pretrain(66, 16, 4, rng(seed))[0]) for seed in range(100)} == {0, 1, 2}
    # 30 frames: 0, 4, ..., 28; the step from 28 would leave the video
    assert dense_pretrain(30, 16, 4, rng()).tolist() == [0, 4, 8, 12, 16, 20, 24, 28, *[28] * 8]


@pytest.mark.parametrize("num_frames", LENGTHS)
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_dense_pretrain_against_the_step_by_step_walk(num_frames, stride):
    clip = dense_pretrain(num_frames, 16, stride, rng(num_frames))
    walk, place = [], int(clip[0]) + 1  # the release counts from 1
    for _ in range(16):
        walk.append(place - 1)
        if place + stride < num_frames:
            place += stride
    assert clip.tolist() == walk


def test_segments_by_hand():
    # 100 frames in 8 parts of 12.5: middles 6.25, 18.75, ...
    assert segments_center(100, 8).tolist() == [6, 18, 31, 43, 56, 68, 81, 93]
    assert segments_center(3, 8).tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert segments_train(3, 8, rng()).tolist() == segments_center(3, 8).tolist()


def test_segments_train_covers_each_part():
    drawn = np.stack([segments_train(26, 8, rng(seed)) for seed in range(200)])  # parts of 26 // 8 = 3 frames
    for part, column in enumerate(drawn.T):
        assert set(column.tolist()) == {3 * part, 3 * part + 1, 3 * part + 2}


def test_spread_by_hand():
    assert spread(300, 8).tolist() == [0, 42, 85, 128, 170, 213, 256, 299]
    assert spread(1, 8).tolist() == [0] * 8


def test_dense_views_by_hand():
    # 300 frames at stride 4 are 75; 7 views start at k * 59 / 6 = 0, 9.83, 19.67, 29.5, 39.33, 49.17, 59
    views = dense_views(300, 16, 4, 7)
    assert views.shape == (7, 16)
    assert (views[:, 0] // 4).tolist() == [0, 9, 19, 29, 39, 49, 59]
    assert views[6].tolist() == list(range(236, 300, 4))
    # 20 frames at stride 4 are 0, 4, 8, 12, 16, then the last one again: every view is the same
    assert dense_views(20, 8, 4, 5).tolist() == [[0, 4, 8, 12, 16, 16, 16, 16]] * 5
    assert dense_views(300, 16, 4, 1)[0, 0] == 4 * (59 // 2)


def test_sparse_views_by_hand():
    # 10 frames, clips of 4, 2 views: tick 2.5; 0, 2.5, 5, 7.5 and 1.25, 3.75, 6.25, 8.75, sorted and dealt out
    assert sparse_views(10, 4, 2).tolist() == [[0, 2, 5, 7], [1, 3, 6, 8]]
    # 3 frames: 0 0 1 2 and 0 1 1 2, sorted 0 0 0 1 1 1 2 2
    assert sparse_views(3, 4, 2).tolist() == [[0, 0, 1, 2], [0, 1, 1, 2]]


def test_per_second_by_hand():
    assert per_second(300, 29.97, 12).tolist() == list(range(0, 300, 30))
    # 40 frames at 2 a second, one a second: 20; thinned to 5 at linspace(0, 19, 5) = 0, 4.75, 9.5, 14.25, 19
    assert per_second(40, 2.0, 5).tolist() == [0, 8, 18, 28, 38]
    assert per_second(5, 0.4, 12).tolist() == [0, 1, 2, 3, 4]
    assert per_second(100, 25.0, 99, rate=5.0).tolist() == list(range(0, 100, 5))


def test_sliding_windows_by_hand():
    assert sliding_windows(10, 4, 3).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert sliding_windows(12, 4, 3).tolist()[-1] == [6, 7, 8, 9]
    assert sliding_windows(2, 4, 3).tolist() == [[0, 1, 1, 1]]
    assert len(sliding_windows(5000, 16, 4)) == len(range(0, 5000 - 15, 4))  # VideoMAE V2 on THUMOS14


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_every_number_is_a_frame(num_frames):
    clips = {
        "dense_train": dense_train(num_frames, 16, 4, rng()),
        "dense_center": dense_center(num_frames, 16, 4),
        "dense_pretrain": dense_pretrain(num_frames, 16, 4, rng()),
        "segments_train": segments_train(num_frames, 16, rng()),
        "segments_center": segments_center(num_frames, 16),
        "spread": spread(num_frames, 16),
        "dense_views": dense_views(num_frames, 16, 4, 7),
        "sparse_views": sparse_views(num_frames, 16, 2),
        "sliding_windows": sliding_windows(num_frames, 16, 4),
    }
    for name, clip in clips.items():
        assert clip.dtype == np.int64, name
        assert clip.shape[-1] == 16, name
        assert clip.min() >= 0, name
        assert clip.max() < num_frames, name
        assert (np.diff(clip) >= 0).all(), name


def test_the_same_generator_gives_the_same_clip():
    for draw in (dense_train, dense_pretrain):
        assert (draw(500, 16, 4, rng(3)) == draw(500, 16, 4, rng(3))).all()
    assert (segments_train(500, 8, rng(3)) == segments_train(500, 8, rng(3))).all()

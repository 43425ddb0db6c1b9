"""Frame numbers against worked examples and against the public release's definitions written out step by step."""

import numpy as np
import pytest

from internvideo_pl.video.sample import (
    dense_center,
    dense_pretrain,
    dense_train,
    dense_views,
    intervals_train,
    intervals_views,
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


def test_intervals_by_hand():
    # 101 frames in 8 stretches of 12.5, from 0, 12, 25, 38, 50, 62, 75, 88 (rounded half to even)
    assert intervals_views(101, 8, 1)[0].tolist() == [6, 18, 31, 44, 56, 68, 81, 94]  # and int(6.25) in
    views = intervals_views(101, 8, 4)  # int(2.5), int(5.0), int(7.5), int(10.0) in
    assert views[:, 0].tolist() == [2, 5, 7, 10]
    assert views[3].tolist() == [10, 22, 35, 48, 60, 72, 85, 98]
    assert intervals_views(1, 4, 2).tolist() == [[0] * 4] * 2
    assert intervals_train(1, 4, rng()).tolist() == [0] * 4
    drawn = np.stack([intervals_train(9, 4, rng(seed)) for seed in range(300)])  # stretches of 2, ends shared
    for place, column in enumerate(drawn.T):
        assert set(column.tolist()) == {2 * place, 2 * place + 1, 2 * place + 2}


def test_per_second_by_hand():
    assert per_second(np.arange(300) / 30, 12).tolist() == list(range(0, 300, 30))
    # 40 frames at 2 a second, one a second: 20; thinned to 5 at linspace(0, 19, 5) = 0, 4.75, 9.5, 14.25, 19
    assert per_second(np.arange(40) / 2, 5).tolist() == [0, 8, 18, 28, 38]
    assert per_second(np.arange(5) / 0.4, 12).tolist() == [0, 1, 2, 3, 4]  # never a frame twice
    assert per_second(np.arange(100) / 25, 99, rate=5.0).tolist() == list(range(0, 100, 5))
    assert per_second(np.zeros(1), 12).tolist() == [0]
    # frames that are shown at 0, 0.4, 1.1, 1.2, 2.6 and 3.1 seconds: nearest to 0, 1, 2, 3
    assert per_second(np.array([0, 0.4, 1.1, 1.2, 2.6, 3.1]), 12).tolist() == [0, 2, 4, 5]


def test_sliding_windows_by_hand():
    assert sliding_windows(10, 4, 3).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert sliding_windows(12, 4, 3).tolist()[-1] == [6, 7, 8, 9]
    assert sliding_windows(2, 4, 3).tolist() == [[0, 1, 1, 1]]
    assert sliding_windows(10, 3, 2, stride=3).tolist() == [[0, 3, 6], [2, 5, 8]]
    assert len(sliding_windows(5000, 16, 4)) == len(range(0, 5000 - 15, 4))  # VideoMAE V2 on THUMOS14


# The official definitions step by step, in plain Python, with frames counted from 0.


def videomae_window(frames: int, length: int, stride: int, end: int | None) -> list[int]:
    """VideoClsDataset of VideoMAE and of the release: training (`end` drawn) and validation."""
    span = length * stride
    if frames <= span:
        index = list(np.linspace(0, frames, num=frames // stride)) + [frames] * (length - frames // stride)
        return [int(min(max(i, 0), frames - 1)) for i in index]
    end = (span + frames) // 2 if end is None else end
    return [int(min(max(i, end - span), end - 1)) for i in np.linspace(end - span, end, num=length)]


def videomae_dense_test(frames: int, length: int, stride: int, views: int) -> list[list[int]]:
    every = list(range(0, frames, stride))
    while len(every) < length:
        every.append(every[-1])
    step = max(1.0 * (len(every) - length) / (views - 1), 0)
    return [every[int(view * step) : int(view * step) + length] for view in range(views)]


def videomae_sparse_test(frames: int, length: int, views: int) -> list[list[int]]:
    tick, index = frames / float(length), []
    for view in range(views):
        index += [int(view * tick / views + tick * x) for x in range(length)]
    index.sort()
    return [index[view::views] for view in range(views)]


def uniformerv2_test(frames: int, length: int, views: int) -> list[list[int]]:
    stretch, clips = max(0.0, (frames - 1) / length), []
    for view in range(views):
        clip = []
        for i in range(length):
            start = int(np.round(stretch * i))
            clip.append(min(start + int(stretch / (views + 1) * (view + 1)), frames - 1))
        clips.append(clip)
    return clips


def clip4clip(frames: int, fps: int, most: int) -> list[int]:
    """The release's retrieval: one frame a second, thinned by linspace."""
    every = list(range(0, frames, round(float(fps))))
    return [every[i] for i in np.linspace(0, len(every) - 1, num=most, dtype=int)] if len(every) > most else every


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_against_the_official_definitions(num_frames):
    assert dense_center(num_frames, 16, 4).tolist() == videomae_window(num_frames, 16, 4, None)
    for seed in range(5):
        end = int(rng(seed).integers(64, num_frames)) if num_frames > 64 else None
        assert dense_train(num_frames, 16, 4, rng(seed)).tolist() == videomae_window(num_frames, 16, 4, end)
        ends = [int(np.round(max(0.0, (num_frames - 1) / 8) * i)) for i in range(9)]
        drawn = intervals_train(num_frames, 8, rng(seed)).tolist()
        assert all(first <= frame <= last for first, frame, last in zip(ends[:-1], drawn, ends[1:], strict=True))
    for views in (2, 5, 7):
        assert dense_views(num_frames, 16, 4, views).tolist() == videomae_dense_test(num_frames, 16, 4, views)
        assert sparse_views(num_frames, 16, views).tolist() == videomae_sparse_test(num_frames, 16, views)
    for views in (1, 3, 4, 10):
        assert intervals_views(num_frames, 8, views).tolist() == uniformerv2_test(num_frames, 8, views)
    for fps in (1, 12, 24, 25, 30, 60):
        for most in (1, 8, 12, 64):
            assert per_second(np.arange(num_frames) / fps, most).tolist() == clip4clip(num_frames, fps, most)


def test_per_second_at_a_broken_rate_stays_within_a_frame_of_the_release():
    for frames in (300, 899, 5000):
        times = np.arange(frames) * 1001 / 30000  # 29.97 a second
        ours, theirs = per_second(times, 10**6), np.arange(0, frames, 30)
        assert len(ours) - len(theirs) in (0, 1)  # the release's steps are a thousandth longer than a second
        drift = np.abs(times[ours[: len(theirs)]] - np.arange(len(theirs)))
        assert drift.max() < 0.02  # nearest to the second; the release is 0.17 s late at frame 5000


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
        "intervals_train": intervals_train(num_frames, 16, rng()),
        "intervals_views": intervals_views(num_frames, 16, 4),
        "sliding_windows": sliding_windows(num_frames, 16, 4),
        "sliding_windows at a stride": sliding_windows(num_frames, 16, 4, stride=4),
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

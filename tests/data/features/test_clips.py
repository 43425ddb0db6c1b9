"""Training stretches: which instances are left in them, resampling, two kinds side by side, bad files, batches."""

import numpy as np
import pytest
import torch

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.features.batch import collate_features
from internvideo_pl.data.features.clips import FeatureClips, FeatureConfig, TrainingFeatures, resized
from internvideo_pl.data.features.crop import crop
from internvideo_pl.data.features.file import VideoFeatures, write_features
from internvideo_pl.data.features.grid import to_seconds
from internvideo_pl.data.order import Draw
from internvideo_pl.errors import UserError

WHOLE = FeatureConfig(max_len=64, crop_share=(1.0, 1.0))


def sample(folder, key: str, length: int, segments, labels, width: int = 3) -> Sample:
    features = np.arange(length * width, dtype=np.float64).reshape(length, width)
    path = write_features(folder, key, VideoFeatures(features, np.arange(length) * 0.5 + 0.25, length * 0.5))
    annotation = {"duration": None, "segments": segments, "labels": labels, "ambiguous": []}
    return Sample(str(path), key, labels[0] if labels else -1, annotation=annotation)


def test_a_whole_video_has_its_instances_in_places_each_once(tmp_path):
    told = [[0.25, 1.25], [0.25, 1.25], [1.0, 1.0005]], [2, 2, 1]
    clips = FeatureClips([sample(tmp_path, "v", 6, *told)], WHOLE, None)
    clip = clips[0]
    assert clip.segments.tolist() == [[0.0, 2.0]]  # the second stands there twice, the third has next to no length
    assert clip.labels.tolist() == [2]
    assert clip.duration == 3.0
    assert clip.features.shape == (6, 3)


def test_resampled_features_keep_the_times_of_what_they_show():
    features = torch.arange(8.0)[:, None]
    seconds = np.arange(8) * 2.0 + 1.0
    more, times = resized(features, seconds, 16)
    inside = slice(1, -1)
    np.testing.assert_allclose(times, np.arange(16) + 0.5)
    np.testing.assert_allclose((more[:, 0].numpy() * 2 + 1)[inside], times[inside], atol=1e-6)


def test_a_crop_holds_an_instance_and_cuts_it_at_its_ends():
    segments = np.array([[10.0, 14.0], [90.0, 95.0]])
    firsts = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        first, last, inside, rows = crop(100, segments, 20, (0.9, 1.0), 0.5, 0.5, rng)
        assert last - first == 20
        assert len(rows)
        kept = segments[rows].clip(first - 0.5, last + 0.5)
        np.testing.assert_allclose(inside, kept - first)
        shares = (kept[:, 1] - kept[:, 0]) / (segments[rows, 1] - segments[rows, 0])
        assert (shares >= 0.5).all()
        firsts.add(first)
    assert len(firsts) > 20


def test_short_videos_are_cut_to_a_share_of_their_length_or_left_whole():
    segments = np.array([[2.0, 40.0]])
    sizes = set()
    for seed in range(60):
        first, last, *_ = crop(40, segments, 64, (0.9, 1.0), 0.5, 0.5, np.random.default_rng(seed))
        sizes.add(last - first)
    assert sizes == {36, 37, 38, 39, 40}
    assert crop(40, segments, 64, (1.0, 1.0), 0.5, 0.5, np.random.default_rng(0))[:2] == (0, 40)


def test_draws_are_repeatable_and_differ(tmp_path):
    config = FeatureConfig(max_len=8)
    samples = [sample(tmp_path, "v", 40, [[2.0, 4.0], [12.0, 15.0]], [0, 1])]
    clips = TrainingFeatures(samples, config, None, None, seed=3, offset=0.5)
    one, again, other = clips[Draw(0, 0)], clips[Draw(0, 0)], [clips[Draw(epoch, 0)] for epoch in range(1, 9)]
    assert torch.equal(one.features, again.features)
    assert torch.equal(one.segments, again.segments)
    assert any(not torch.equal(one.features, each.features) for each in other)
    assert one.features.shape == (8, 3)


def test_resampled_actions_reach_from_the_first_second_of_a_video_to_its_last(tmp_path):
    """Windows of one second, a quarter of one apart, at half as many places as there are windows."""
    windows, duration = 33, 9.0
    found = VideoFeatures(np.zeros((windows, 3), np.float16), 0.5 + 0.25 * np.arange(windows), duration)
    told = {"duration": duration, "segments": [[0.0, 2.0], [7.0, duration]], "labels": [0, 1], "ambiguous": []}
    path = write_features(tmp_path, "v", found)
    config = FeatureConfig(max_len=16, resize=True, crop_share=(0.8, 0.9))
    clips = TrainingFeatures([Sample(str(path), "v", 0, annotation=told)], config, None, None, seed=0, offset=None)
    ends = set()
    for epoch in range(40):
        clip = clips[Draw(epoch, 0)]
        ends |= {round(float(second), 2) for second in to_seconds(clip.segments.numpy(), clip.seconds).ravel()}
    assert min(ends) == pytest.approx(0.0, abs=0.02)
    assert max(ends) == pytest.approx(duration, abs=0.02)


def test_a_damaged_file_is_replaced_in_training_and_named_in_tests(tmp_path):
    good, bad = (sample(tmp_path, key, 12, [[1.0, 3.0]], [0]) for key in "gb")
    with open(bad.path, "wb") as file:
        file.write(b"no features")
    clip = TrainingFeatures([bad, good], WHOLE, None, None, seed=0, offset=0.5)[Draw(0, 0)]
    assert clip.index == 1
    assert [fault.path for fault in clip.faults] == [bad.path]
    batch = collate_features([FeatureClips([bad], WHOLE, None)[0]], 1, 32)
    assert len(batch) == 0
    assert [fault.path for fault in batch.faults] == [bad.path]
    with pytest.raises(UserError, match="1 files of features in a row cannot be read"):
        TrainingFeatures([bad], WHOLE, None, None, seed=0, offset=0.5)[Draw(0, 0)]


def test_two_kinds_of_features_lie_side_by_side(tmp_path):
    (tmp_path / "more").mkdir()
    one = sample(tmp_path, "v", 6, [[0.5, 2.0]], [0])
    other = sample(tmp_path / "more", "v", 6, [], [], width=2)
    clip = FeatureClips([one], WHOLE, None, {"v": other.path})[0]
    assert clip.features.shape == (6, 5)
    short = sample(tmp_path / "more", "w", 5, [], [])
    for more, reason in (({"v": short.path}, "has 6 features and the second 5"), ({}, "has no second features")):
        assert reason in str(FeatureClips([one], WHOLE, None, more)[0].faults[0])


def test_a_batch_is_padded_to_a_multiple_and_says_where(tmp_path):
    samples = [sample(tmp_path, f"v{n}", n, [[0.5, 1.5]], [n % 2]) for n in (5, 9)]
    clips = FeatureClips(samples, WHOLE, None)
    batch = collate_features([clips[0], clips[1]], 1, 8)
    assert batch.features.shape == (2, 3, 16)
    assert batch.mask.sum(1).tolist() == [5, 9]
    assert (batch.features.transpose(1, 2)[~batch.mask] == 0).all()
    assert torch.equal(batch.features[1, :, :9].T, clips[1].features)

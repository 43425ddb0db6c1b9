import numpy as np
import pytest
import torch

from internvideo_pl.data.batch import Sample, collate
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, TrainingClips
from internvideo_pl.data.order import Draw
from internvideo_pl.errors import UserError
from tests.data.clips import write_video


def config(**changes) -> ClipConfig:
    values = {"num_frames": 4, "stride": 2, "size": 32, "short_side": 48, "batch_size": 2, "num_workers": 0}
    return ClipConfig(name="any", **(values | changes))


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    names = [f"{i}.mp4" for i in range(4)]
    for name in names:
        write_video(tmp_path / name, frames=24)
    return [Sample(tmp_path / name, name, label=i, texts=("one", "two")) for i, name in enumerate(names)]


def damaged(samples, tmp_path):
    path = tmp_path / "damaged.mp4"
    path.write_bytes(b"no video")
    return [Sample(path, "damaged.mp4", label=9), *samples]


def training(samples, seed=0, flip=False, **changes):
    return TrainingClips(samples, config(**changes), FrameCache(), seed, flip)


def test_a_draw_decides_everything(samples):
    clips, again, other = training(samples, seed=3), training(samples, seed=3), training(samples, seed=4)
    one, same = clips[Draw(0, 1)], again[Draw(0, 1)]
    assert torch.equal(one.video, same.video)
    assert one.text == same.text
    videos = [one.video, clips[Draw(1, 1)].video, other[Draw(0, 1)].video]
    assert not any(torch.equal(videos[i], videos[j]) for i in range(3) for j in range(i))
    assert one.video.shape == (4, 32, 32, 3)
    assert one.video.dtype == torch.uint8


def test_kept_frames_give_the_same_clips_as_decoding_each_time(samples):
    kept, fresh = training(samples, cache_gb=1.0), training(samples)
    for draw in (Draw(0, 0), Draw(0, 3), Draw(2, 1)):
        assert torch.equal(kept[draw].video, fresh[draw].video)


def test_the_cache_stops_at_its_budget(samples, tmp_path):
    cache = FrameCache()
    one = cache.get(samples[0].path, 48, budget=10**9)
    cache.get(samples[1].path, 48, budget=one.nbytes)
    assert list(cache.frames) == [(samples[0].path, 48)]
    assert cache.get(samples[0].path, 48, budget=0) is one
    assert cache.get(samples[0].path, 24, budget=10**9).shape[1] == 24


def test_training_replaces_a_damaged_video_and_says_so(samples, tmp_path):
    clip = training(damaged(samples, tmp_path))[Draw(0, 0)]
    assert clip.video is not None
    assert clip.index != 0
    assert clip.label == clip.index - 1  # the substitute brings its own label
    assert [fault.path.name for fault in clip.faults] == ["damaged.mp4"]


def test_training_stops_when_nothing_can_be_read(tmp_path):
    path = tmp_path / "x.mp4"
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"20 videos in a row cannot be read, .*x\.mp4 first"):
        training([Sample(path, "x")])[Draw(0, 0)]


def test_evaluation_never_replaces_a_damaged_video(samples, tmp_path):
    clips = EvaluationClips(damaged(samples, tmp_path), config(), FrameCache())
    batch = collate([clips[0], clips[1]])
    assert len(batch) == 1
    assert batch.index.tolist() == [1]
    assert [fault.path.name for fault in batch.faults] == ["damaged.mp4"]
    assert len(collate([clips[0]])) == 0


def test_views_are_every_segment_and_crop_of_every_sample(samples):
    clips = EvaluationClips(samples, config(test_views=3, test_crops=2), FrameCache())
    assert len(clips) == 4 * 6
    assert [(clips[i].index, clips[i].view) for i in (0, 5, 6, 23)] == [(0, 0), (0, 5), (1, 0), (3, 5)]
    # grey levels rise with time: later segments are brighter, crops of one segment are alike
    levels = [clips[i].video.float().mean().item() for i in range(6)]
    assert levels[0] == pytest.approx(levels[1], abs=1)
    assert levels[0] < levels[2] < levels[4]


def test_dense_test_frames_are_those_of_the_middle(tmp_path):
    levels = write_video(tmp_path / "v.mp4", frames=24).astype(float)
    clips = EvaluationClips([Sample(tmp_path / "v.mp4", "v")], config(), FrameCache())
    got = clips[0].video.float().mean(dim=(1, 2, 3)).numpy()
    # 12 frames at stride 2, four of them, the middle window starts at the fifth
    assert np.abs(got - levels[[8, 10, 12, 14]]).max() < 4


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch_size": 0}, "data.batch_size=0 must be at least 1"),
        ({"num_workers": -1}, "data.num_workers=-1 must not be negative"),
        ({"size": 64}, "data.size=64 must not exceed data.short_side=48"),
    ],
)
def test_impossible_settings_are_refused(changes, says):
    with pytest.raises(UserError, match=says):
        config(**changes)

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from internvideo_pl.data import clips as clips_module
from internvideo_pl.data.batch import Sample, collate
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, TrainingClips
from internvideo_pl.data.order import Draw
from internvideo_pl.data.sampling import TRAIN_SAMPLING
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
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


@pytest.fixture
def reads(monkeypatch) -> list[int]:
    """How many frames each read of a video asked for."""
    asked = []

    class Noting:
        def __init__(self, source):
            self.source = source
            self.num_frames, self.times = source.num_frames, source.times

        def frames(self, indices, short_side=None):
            asked.append(len(indices))
            return self.source.frames(indices, short_side)

    monkeypatch.setattr(clips_module, "open_source", lambda path: Noting(open_source(path)))
    return asked


def damaged(samples, tmp_path):
    path = tmp_path / "damaged.mp4"
    path.write_bytes(b"no video")
    return [Sample(path, "damaged.mp4", label=9), *samples]


def training(samples, seed=0, flip=False, **changes):
    return TrainingClips(samples, config(**changes), FrameCache(), seed, flip)


def evaluation(samples, **changes):
    return EvaluationClips(samples, config(**changes), FrameCache())


def test_a_draw_decides_everything(samples):
    clips, again, other = training(samples, seed=3), training(samples, seed=3), training(samples, seed=4)
    (one,), (same,) = clips[Draw(0, 1)], again[Draw(0, 1)]
    assert torch.equal(one.video, same.video)
    assert (one.text, one.key) == (same.text, same.key)
    others = [one, clips[Draw(1, 1)][0], other[Draw(0, 1)][0]]
    assert not any(torch.equal(others[i].video, others[j].video) for i in range(3) for j in range(i))
    assert len({clip.key for clip in others}) == 3
    assert one.video.shape == (4, 32, 32, 3)
    assert one.video.dtype == torch.uint8


def test_several_clips_of_one_video_are_one_read(samples, reads):
    """The same frames, cropped anew each time; the first clip is what it is without repetition."""
    (single,) = training(samples)[Draw(0, 1)]
    clips = training(samples, num_sample=3)[Draw(0, 1)]
    assert reads == [4, 4]
    assert torch.equal(clips[0].video, single.video)
    assert [clip.view for clip in clips] == [0, 1, 2]
    assert {(clip.index, clip.label, clip.text) for clip in clips} == {(1, 1, single.text)}
    assert len({clip.key for clip in clips}) == 3
    levels = [clip.video.float().mean((1, 2, 3)) for clip in clips]  # frames are plain: equal whatever the crop
    assert torch.allclose(levels[0], levels[1], atol=2)
    batch = collate([clips, training(samples, num_sample=3)[Draw(0, 2)]])
    assert batch.index.tolist() == [1, 1, 1, 2, 2, 2]
    assert batch.keys[:3] == [clip.key for clip in clips]


def test_repeated_clips_are_cropped_differently(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (48, 64, 3))
    for number in range(1, 9):
        Image.fromarray(ramp).save(folder / f"{number:05}.jpg")
    first, second = training([Sample(str(folder), "v")], num_sample=2)[Draw(0, 0)]
    assert not torch.equal(first.video, second.video)


def test_kept_frames_give_the_same_clips_as_decoding_each_time(samples):
    kept, fresh = training(samples, cache_gb=1.0), training(samples)
    for draw in (Draw(0, 0), Draw(0, 3), Draw(2, 1)):
        assert torch.equal(kept[draw][0].video, fresh[draw][0].video)


def test_the_cache_stops_at_its_budget(samples, tmp_path):
    cache = FrameCache()
    one = cache.get(samples[0].path, 48, budget=10**9)
    cache.get(samples[1].path, 48, budget=one.nbytes)
    assert list(cache.frames) == [(samples[0].path, 48)]
    assert cache.get(samples[0].path, 48, budget=0) is one
    assert cache.get(samples[0].path, 24, budget=10**9).shape[1] == 24


def test_training_replaces_a_damaged_video_and_says_so(samples, tmp_path):
    clip, again = training(damaged(samples, tmp_path), num_sample=2)[Draw(0, 0)]
    assert clip.video is not None
    assert clip.index != 0
    assert clip.label == clip.index - 1  # the substitute brings its own label
    assert [Path(fault.path).name for fault in clip.faults] == ["damaged.mp4"]
    assert again.faults == ()  # said once


def test_training_stops_when_nothing_can_be_read(tmp_path):
    path = tmp_path / "x.mp4"
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"20 videos in a row cannot be read, .*x\.mp4 first"):
        training([Sample(path, "x")])[Draw(0, 0)]


def test_evaluation_never_replaces_a_damaged_video(samples, tmp_path):
    clips = evaluation(damaged(samples, tmp_path), test_views=2, test_crops=3)
    batch = collate([clips[0], clips[1]])
    assert len(batch) == 6
    assert set(batch.index.tolist()) == {1}
    assert [Path(fault.path).name for fault in batch.faults] == ["damaged.mp4"]
    assert len(collate([clips[0]])) == 0


def test_views_are_every_segment_and_crop_of_a_sample_from_one_read(samples, reads):
    clips = evaluation(samples, test_views=3, test_crops=2)
    assert len(clips) == 4
    views = clips[1]
    assert reads == [12]
    assert [(clip.index, clip.view) for clip in views] == [(1, view) for view in range(6)]
    # grey levels rise with time: later segments are brighter, crops of one segment are alike
    levels = [clip.video.float().mean().item() for clip in views]
    assert levels[0] == pytest.approx(levels[1], abs=1)
    assert levels[0] < levels[2] < levels[4]


def test_every_view_is_what_it_is_alone(samples):
    """Slow version: each view's frames and crop by themselves."""
    from internvideo_pl.video.sample import dense_views
    from internvideo_pl.video.transform import side_views

    views = evaluation(samples, test_views=3, test_crops=2)[2]
    source = open_source(samples[2].path)
    for segment, frames in enumerate(dense_views(24, 4, 2, 3)):
        for crop in range(2):
            alone = side_views(source.frames(frames.tolist(), 32), 32, 2)[crop]
            assert torch.equal(views[2 * segment + crop].video, alone)


def test_a_test_batch_has_about_as_many_clips_as_one_of_training(samples):
    assert evaluation(samples, batch_size=16).batch_size == 16
    assert evaluation(samples, batch_size=16, test_views=2, test_crops=3).batch_size == 2
    assert evaluation(samples, batch_size=4, test_views=7, test_crops=3).batch_size == 1


def test_dense_test_frames_are_those_of_the_middle(tmp_path):
    levels = write_video(tmp_path / "v.mp4", frames=24).astype(float)
    (clip,) = evaluation([Sample(tmp_path / "v.mp4", "v")])[0]
    got = clip.video.float().mean(dim=(1, 2, 3)).numpy()
    # 12 frames at stride 2, four of them, the middle window starts at the fifth
    assert np.abs(got - levels[[8, 10, 12, 14]]).max() < 4


def test_frames_by_the_second_are_padded_at_the_end(tmp_path):
    levels = write_video(tmp_path / "v.mp4", frames=24).astype(float)  # 10 a second
    sample = Sample(tmp_path / "v.mp4", "v", texts=("one",))
    changes = {"sampling": "per_second", "num_frames": 5, "crop": "center"}
    for clip in (evaluation([sample], **changes)[0][0], training([sample], **changes)[Draw(0, 0)][0]):
        got = clip.video.float().mean(dim=(1, 2, 3)).numpy()
        assert np.abs(got[:3] - levels[[0, 10, 20]]).max() < 4
        assert (clip.video[3:] == torch.tensor([123, 117, 104])).all()  # CLIP's mean colour: zero once normalised


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch_size": 0}, "data.batch_size=0 must be at least 1"),
        ({"num_sample": 0}, "data.num_sample=0 must be at least 1"),
        ({"test_views": 0}, "data.test_views=0 must be at least 1"),
        ({"num_workers": -1}, "data.num_workers=-1 must not be negative"),
        ({"size": 64}, "data.size=64 must not exceed data.short_side=48"),
        ({"rate": 0.0}, "data.rate=0.0 must be above 0"),
        ({"sampling": "per_second", "test_views": 2}, "data.sampling=per_second leaves no choice of views"),
    ],
)
def test_impossible_settings_are_refused(changes, says):
    with pytest.raises(UserError, match=says):
        config(**changes)


def test_windows_cannot_train(samples):
    with pytest.raises(UserError, match=r"data\.sampling=windows cannot train"):
        training(samples, sampling="windows")


@pytest.mark.parametrize("crop", ["random_resized", "multi_scale", "multi_scale_square", "center"])
@pytest.mark.parametrize("sampling", sorted(TRAIN_SAMPLING))
def test_training_clips_reach_a_spawned_worker(samples, sampling, crop):
    """Where processes are spawned, as on macOS, a worker gets its clips pickled."""
    clips = training(samples, sampling=sampling, crop=crop, size=32, num_frames=4)
    (mine,), (theirs,) = clips[Draw(0, 1)], pickle.loads(pickle.dumps(clips))[Draw(0, 1)]
    assert torch.equal(mine.video, theirs.video)


@pytest.mark.parametrize("crop", ["random_resized", "multi_scale", "multi_scale_square", "center"])
def test_every_crop_mirrors_half_of_the_clips_where_it_is_asked_to(samples, crop):
    ramp = torch.arange(64, dtype=torch.uint8).mul(3).expand(2, 48, 64)[..., None].expand(-1, -1, -1, 3)
    for flip, wanted in ((False, 0), (True, 100)):
        transform = training(samples, flip=flip, crop=crop).transform
        clips = [transform(ramp, np.random.default_rng(seed)) for seed in range(200)]
        mirrored = sum(bool(clip[0, 0, 0, 0] > clip[0, 0, -1, 0]) for clip in clips)
        assert mirrored == pytest.approx(wanted, abs=30 * flip)

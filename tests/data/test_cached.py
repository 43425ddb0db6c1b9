"""Features computed once: whole files or none, resumed where they stopped, faults kept, the dataset's own batches."""

import pytest
import torch
from safetensors import safe_open

from data_modules.hmdb51 import FoldConfig
from data_modules.ucf101 import UCF101Data
from internvideo_pl.data.cached import store as stores
from internvideo_pl.data.cached.module import CachedData, EvaluationFeatures, TrainingFeatures
from internvideo_pl.data.cached.store import Store
from internvideo_pl.data.cached.write import fill_store
from internvideo_pl.data.clips import EvaluationClips
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.order import Draw

VIEWS = 2


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = make_mini("ucf101", tmp_path_factory.mktemp("mini"), train=1, test=1)
    broken = sorted((root / "UCF-101" / "Biking").iterdir())[0]
    broken.write_bytes(b"no video")
    return root


@pytest.fixture
def data(root):
    config = FoldConfig(name="ucf101", num_frames=2, stride=1, size=32, short_side=32, batch_size=4, num_workers=0)
    config.test_views = VIEWS
    return UCF101Data(config, root)


def encode(video: torch.Tensor) -> torch.Tensor:
    return video.float().mean((2, 3, 4))  # (B, T)


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(stores, "VIDEOS", 5)
    monkeypatch.setattr("internvideo_pl.data.cached.write.VIDEOS", 5)


def filled(data, folder, split="train") -> Store:
    store = Store(folder, split, len(data.split(split).samples))
    store.load()
    fill_store(store, data, encode)
    return store


def test_features_are_those_of_every_view_as_tests_read_it(data, tmp_path, small_files):
    store = filled(data, tmp_path)
    clips = EvaluationClips(data.split("train").samples, data.config, data.cache)
    assert len(list(tmp_path.glob("train-*.safetensors"))) == -(-len(clips) // 5)
    assert set(store.faults) == {i for i in range(len(clips)) if clips[i][0].video is None}
    assert len(store.faults) == 1
    for index in store.places:
        wanted = encode(torch.stack([clip.video for clip in clips[index]]))
        found = torch.stack([store.get(index, view) for view in range(VIEWS)])
        assert found.dtype == torch.float16
        torch.testing.assert_close(found.float(), wanted, rtol=1e-3, atol=0.1)


def test_a_second_run_computes_nothing_and_an_interrupted_one_goes_on(data, tmp_path, small_files):
    calls = []

    def failing(video):
        calls.append(len(video))
        if len(calls) > 5:
            raise KeyboardInterrupt
        return encode(video)

    store = Store(tmp_path, "train", len(data.split("train").samples))
    with pytest.raises(KeyboardInterrupt):
        fill_store(store, data, failing)
    written = sorted(tmp_path.iterdir())
    assert 0 < len(written) < -(-store.videos // 5)
    stamps = [path.stat().st_mtime_ns for path in written]
    again = Store(tmp_path, "train", store.videos)
    again.load()
    assert fill_store(again, data, encode) == store.videos - 5 * len(written)
    assert [path.stat().st_mtime_ns for path in written] == stamps
    assert again.places.keys() | again.faults.keys() == set(range(store.videos))
    third = Store(tmp_path, "train", store.videos)
    third.load()
    assert fill_store(third, data, encode) == 0
    assert third.places.keys() == again.places.keys()


def test_a_damaged_file_is_made_again(data, tmp_path, small_files):
    filled(data, tmp_path)
    path = sorted(tmp_path.iterdir())[1]
    path.write_bytes(path.read_bytes()[:40])
    store = Store(tmp_path, "train", len(data.split("train").samples))
    store.load()
    assert fill_store(store, data, encode) == 5
    with safe_open(path, framework="pt") as file:
        assert file.get_tensor("index").numel() == 5 * VIEWS


def test_training_replaces_what_cannot_be_read_and_tests_do_not(data, tmp_path):
    store, samples = filled(data, tmp_path), data.split("train").samples
    (broken,) = store.faults
    training = TrainingFeatures(samples, store, seed=0)
    (clip,) = training[Draw(0, broken)]
    assert clip.index == broken + 1
    assert clip.faults[0].path == samples[broken].path
    assert {training[Draw(epoch, broken + 1)][0].view for epoch in range(20)} == set(range(VIEWS))
    views = EvaluationFeatures(samples, store)
    assert [clip.view for clip in views[broken + 1]] == list(range(VIEWS))
    assert views[broken][0].video is None
    assert views[broken][0].faults[0].reason == store.faults[broken]


def test_loaders_give_batches_like_the_datasets_own(data, tmp_path):
    cached = CachedData(data, {split: filled(data, tmp_path, split) for split in ("train", "test")})
    batch = next(iter(cached.train_dataloader()))
    assert batch.video.shape == (4, 2)
    assert batch.label.tolist() == [data.split("train").samples[i].label for i in batch.index.tolist()]
    tested = list(cached.evaluation_loader("test"))
    assert sum(len(batch) for batch in tested) + VIEWS * sum(len(b.faults) for b in tested) == VIEWS * 6
    assert (cached.classes, cached.protocol, cached.facts.name) == (data.classes, data.protocol, "UCF101")

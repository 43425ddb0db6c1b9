"""Augmentation on its way through a DataModule: training clips alone, by their keys, whoever decodes them."""

import lightning as L
import pytest
import torch

from internvideo_pl.data.batch import Batch, Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.video.augment import AugmentConfig, ClipAugment
from tests.data.clips import write_video

FACTS = DatasetFacts("Toy", "recognition", {}, "https://example.org", "none", "none", "<root>/*.mp4", num_classes=2)
AUGMENT = {"rand_augment": "rand-m7-n4-mstd0.5-inc1", "color_jitter": 0.4, "erase": 0.5}


class Toy(VideoData):
    facts = FACTS

    def read(self, split: str) -> Split:
        paths = sorted(self.root.glob("*.mp4"))
        return Split([Sample(str(path), path.name, i % 2) for i, path in enumerate(paths)])


class Recorder(L.LightningModule):
    """Keeps the batches that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained: list[Batch] = []
        self.tested: list[Batch] = []

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        self.trained.append(batch)
        return self.weight * 1

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.tested.append(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def root(tmp_path):
    for i in range(6):
        write_video(tmp_path / f"{i}.mp4", frames=12)
    return tmp_path


def data(root, workers: int = 0, **augment) -> Toy:
    values = {"num_frames": 2, "stride": 2, "size": 32, "short_side": 48, "batch_size": 2, "num_sample": 2}
    settings = AugmentConfig(**augment)
    config = ClipConfig(name="toy", num_workers=workers, test_views=2, augment=settings, **values)
    return Toy(config, root, seed=5)


def fit(toy: Toy, folder, accelerator: str = "cpu") -> Recorder:
    recorder = Recorder()
    trainer = L.Trainer(
        max_epochs=2,
        accelerator=accelerator,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=folder,
    )
    trainer.fit(recorder, datamodule=toy)
    trainer.test(recorder, datamodule=toy, verbose=False)
    return recorder


def test_training_clips_are_augmented_and_test_clips_are_not(root, tmp_path):
    plain, augmented = fit(data(root), tmp_path), fit(data(root, **AUGMENT), tmp_path)
    assert len(plain.trained) == len(augmented.trained) == 6  # 3 batches of 2 videos, twice
    for raw, done in zip(plain.trained, augmented.trained, strict=True):
        assert len(done) == 4  # two clips a video
        assert done.keys == raw.keys
        assert torch.equal(done.video, ClipAugment(AugmentConfig(**AUGMENT))(raw.video, raw.keys))
        assert not torch.equal(done.video, raw.video)
    assert [len(batch) for batch in augmented.tested] == [2] * 6
    for raw, done in zip(plain.tested, augmented.tested, strict=True):
        assert torch.equal(raw.video, done.video)


def test_workers_change_nothing(root, tmp_path):
    alone, helped = fit(data(root, **AUGMENT), tmp_path), fit(data(root, workers=2, **AUGMENT), tmp_path)
    for mine, theirs in zip(alone.trained, helped.trained, strict=True):
        assert torch.equal(mine.video, theirs.video)
        assert mine.keys == theirs.keys


def test_a_run_that_goes_on_sees_the_same_clips(root):
    """A loader set to the place that another had reached gives the rest of the epoch, keys and all."""
    whole = data(root, **AUGMENT).train_dataloader()
    batches, place = [], {}
    for number, batch in enumerate(whole):
        batches.append(batch)
        if number == 1:
            place = whole.state_dict()
    again = data(root, **AUGMENT).train_dataloader()
    again.load_state_dict(place)
    rest = list(again)
    assert len(rest) == 2
    for mine, theirs in zip(rest, batches[1:], strict=True):
        assert mine.keys == theirs.keys
        assert torch.equal(mine.video, theirs.video)


def test_the_learning_rate_counts_videos(root):
    """As in VideoMAE: `batch_size` and the steps of an epoch do not depend on how often a video is repeated."""
    toy = data(root)
    assert toy.steps_per_epoch() == 3
    assert [len(batch) for batch in toy.train_dataloader()] == [4, 4, 4]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_run_sees_the_same_bytes(root, tmp_path):
    here, there = fit(data(root, **AUGMENT), tmp_path), fit(data(root, **AUGMENT), tmp_path, "gpu")
    for mine, theirs in zip(here.trained, there.trained, strict=True):
        assert torch.equal(mine.video, theirs.video.cpu())

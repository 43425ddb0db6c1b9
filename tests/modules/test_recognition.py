"""Supervised training: what is mixed, and by which key."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from internvideo_pl.backbones.features import InputSpec
from internvideo_pl.data.batch import Batch
from internvideo_pl.modules.recognition import Recognition
from internvideo_pl.objectives.supervised import Supervised, SupervisedConfig
from internvideo_pl.optim import OptimizerConfig
from internvideo_pl.video.mix import Mix, MixConfig

CLASSES = 5


class Linear(nn.Module):
    """Mean colour of a clip to class scores."""

    input = InputSpec(2, 16, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, CLASSES)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        return self.head(clip.mean((2, 3, 4)))


def batch(clips: int = 6, key: int = 40) -> Batch:
    video = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (clips, 2, 16, 16, 3), dtype=np.uint8))
    index = torch.arange(clips)
    return Batch(video, index, torch.zeros_like(index), index % CLASSES, keys=list(range(key, key + clips)))


def module(**mix: float) -> Recognition:
    torch.manual_seed(0)
    config = SupervisedConfig(label_smoothing=0.1, mix=MixConfig(**mix))
    optimisation = {"optimizer": OptimizerConfig(lr=1e-3), "total_steps": 4, "global_batch": 6}
    return Recognition(Supervised(Linear(), config), **optimisation)


def test_the_loss_is_that_of_mixed_clips_and_dense_targets():
    training, clips = module(mixup=0.8, cutmix=1.0), batch()
    video, share = Mix(MixConfig(mixup=0.8, cutmix=1.0))(clips.video, np.random.default_rng(clips.keys))
    target = F.one_hot(clips.label, CLASSES) * 0.9 + 0.1 / CLASSES
    target = share * target + (1 - share) * target.flip(0)
    log = training.model(training.model.input.prepare(video)).log_softmax(-1)
    assert share < 1
    torch.testing.assert_close(training.losses(clips)["loss"], -(target * log).sum(-1).mean())


def test_the_keys_decide_how_a_batch_is_mixed():
    training = module(mixup=0.8, cutmix=1.0)
    losses = [training.losses(batch(key=key))["loss"].item() for key in (40, 40, 41)]
    assert losses[0] == losses[1] != losses[2]


def test_without_mixing_it_is_plain_cross_entropy():
    training, clips = module(), batch()
    wanted = F.cross_entropy(training.scores(clips), clips.label, label_smoothing=0.1)
    assert torch.equal(training.losses(clips)["loss"], wanted)

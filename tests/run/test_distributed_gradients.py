"""Every trainable parameter of every recipe gets a gradient from every batch, which several processes rely on."""

import pytest

from internvideo_pl.config import load_experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.run.build import build_data, build_module
from internvideo_pl.run.schemas import SCHEMAS

RECIPES = (
    "pretrain/masked_k400_base",
    "pretrain/align_msrvtt_base",
    "posttrain/k400_masked_base",
    "posttrain/k400_multimodal_base",
    "coordinate/k400_base",
    "coordinate/k400_base_control",
    "coordinate/k710_internvideo_t",
    "ego4d/fhp",
    "ego4d/scod",
    "ego4d/sta",
    "openset/ucf101_hmdb51",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_nothing_trainable_is_without_a_gradient(name):
    small = ["data.batch_size=2", "data.num_workers=0", "data.mini_sizes.train=4"]
    experiment = load_experiment(name, small, mini=True, schemas=SCHEMAS)
    data = build_data(experiment, FrameCache())
    module = build_module(experiment, data, None, 1)
    module.train()
    module.losses(next(iter(data.train_dataloader())))["loss"].backward()
    assert [key for key, value in module.named_parameters() if value.requires_grad and value.grad is None] == []

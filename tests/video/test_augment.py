"""A batch's augmentation: clip by clip what its key says, the same for all frames; colour by definition."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.video.augment import AugmentConfig, ClipAugment, ColorJitter, carry_out
from internvideo_pl.video.erase import RandomErasing
from internvideo_pl.video.operations import OPERATIONS
from internvideo_pl.video.rand_augment import parse_rand_augment

RECIPE = "rand-m7-n4-mstd0.5-inc1"
ALL = AugmentConfig(rand_augment=RECIPE, color_jitter=0.4, erase=0.5)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def batch(clips: int, frames: int = 3, size: int = 32) -> torch.Tensor:
    video = torch.from_numpy(rng(1).integers(0, 256, (clips, frames, size // 4, size // 4, 3), dtype=np.uint8))
    return video.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


def one_by_one(config: AugmentConfig, clip: torch.Tensor, key: int) -> torch.Tensor:
    """The slow version: a clip alone, one step after the other."""
    generator, video = rng(key), clip[None].clone()
    steps = ColorJitter(config.color_jitter).draw(generator) if config.color_jitter else []
    steps += parse_rand_augment(config.rand_augment).draw(generator) if config.rand_augment else []
    for name, amount in steps:
        video = OPERATIONS[name](video, torch.tensor([amount], dtype=torch.float64))
    RandomErasing(config.erase).erase(video[0], generator)
    return video[0]


def test_a_batch_is_its_clips_one_by_one():
    video, keys = batch(24), list(range(100, 124))
    before = video.clone()
    got = ClipAugment(ALL)(video, keys)
    assert torch.equal(video, before)
    for i, key in enumerate(keys):
        assert torch.equal(got[i], one_by_one(ALL, video[i], key)), key


def test_clips_that_are_done_together_are_clips_done_alone():
    """As on a GPU: each step of all clips at once, those with the same operation in one go."""
    video, keys = batch(24), list(range(24))
    plans = [parse_rand_augment(RECIPE).draw(rng(key)) for key in keys]
    assert max(len(plan) for plan in plans) == 4
    together = video.clone()
    carry_out(plans, together)
    for i, key in enumerate(keys):
        assert torch.equal(together[i], one_by_one(AugmentConfig(rand_augment=RECIPE), video[i], key)), key


def test_a_clip_does_not_depend_on_the_clips_beside_it():
    video, keys, augment = batch(6), [5, 6, 7, 8, 9, 10], ClipAugment(ALL)
    got, order = augment(video, keys), [3, 0, 5]
    assert torch.equal(augment(video[order], [keys[i] for i in order]), got[order])


def test_all_frames_get_the_same_and_most_clips_change():
    video = batch(1)[:, :1].expand(40, 3, -1, -1, -1)
    got = ClipAugment(AugmentConfig(rand_augment=RECIPE))(video, range(40))
    assert (got[:, 0] == got[:, 1]).all()
    assert (got[:, 0] == got[:, 2]).all()
    changed = [not torch.equal(mine, clip) for mine, clip in zip(got, video, strict=True)]
    assert sum(changed) > 30


def test_nothing_is_asked_nothing_is_done():
    video = batch(3)
    assert not AugmentConfig().active
    assert torch.equal(ClipAugment(AugmentConfig())(video, [1, 2, 3]), video)


@pytest.mark.parametrize("changes", [{"erase": 1.5}, {"color_jitter": -0.1}, {"rand_augment": "m7"}])
def test_impossible_settings_are_refused(changes):
    with pytest.raises(UserError, match=r"from 0 to 1|must begin with 'rand'"):
        AugmentConfig(**changes)


def test_colour_jitter_draws_three_factors_in_any_order():
    drawn = [ColorJitter(0.4).draw(rng(seed)) for seed in range(600)]
    assert len({tuple(name for name, _ in steps) for steps in drawn}) == 6
    factors = np.array([factor for steps in drawn for _, factor in steps])
    assert 0.6 <= factors.min() < 0.61
    assert 1.39 < factors.max() <= 1.4
    assert factors.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_bytes():
    video, keys, augment = batch(16, size=64), list(range(16)), ClipAugment(ALL)
    assert torch.equal(augment(video.cuda(), keys).cpu(), augment(video, keys))

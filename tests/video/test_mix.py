"""Mixup and CutMix against their definitions."""

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.video.mix import Mix, MixConfig


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def mix(**changes: float) -> Mix:
    return Mix(MixConfig(**({"mixup": 0.8, "cutmix": 1.0} | changes)))


@pytest.fixture
def video() -> torch.Tensor:
    """uint8 (4, 2, 20, 30, 3), clip i filled with 80 * i."""
    return (torch.arange(4, dtype=torch.uint8) * 80)[:, None, None, None, None].expand(4, 2, 20, 30, 3).contiguous()


def test_mixup_is_the_weighted_sum_of_two_clips(video):
    shares = []
    for seed in range(400):
        mixed, share = mix(cutmix=0.0)(video, rng(seed))
        assert mixed.dtype == torch.uint8
        for clip in range(4):
            expected = 80 * (share * clip + (1 - share) * (3 - clip))
            assert (mixed[clip].double() - expected).abs().max() <= 0.5 + 1e-4
        shares.append(share)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.8 + 1)), rel=0.2)  # of Beta(0.8, 0.8)


def test_cutmix_pastes_one_box_and_counts_it(video):
    areas = []
    for seed in range(400):
        mixed, share = mix(mixup=0.0)(video, rng(seed))
        pasted = mixed[0] == 240
        assert ((mixed[0] == 0) | pasted).all()
        assert (pasted == pasted[:1, :, :, :1]).all()  # the same box in every channel and frame
        box = pasted[0, :, :, 0]
        area = float(box.float().mean())
        rows, columns = box.any(dim=1).nonzero(), box.any(dim=0).nonzero()
        assert int(box.sum()) == len(rows) * len(columns)
        assert share == pytest.approx(1 - area, abs=1e-6)
        assert torch.equal(mixed[1] == 160, box[None, :, :, None].expand(2, 20, 30, 3))
        areas.append(area)
    assert min(areas) < 0.02
    assert max(areas) > 0.6


def test_both_are_used_half_of_the_time(video):
    cut = sum(set(mix()(video, rng(seed))[0].unique().tolist()) <= {0, 80, 160, 240} for seed in range(400))
    assert cut / 400 == pytest.approx(0.5, abs=0.08)


def test_no_mixing(video):
    for off in (mix(probability=0.0), mix(mixup=0.0, cutmix=0.0)):
        mixed, share = off(video, rng())
        assert mixed is video
        assert share == 1
    some = sum(mix(probability=0.3)(video, rng(seed))[1] < 1 for seed in range(400))
    assert some / 400 == pytest.approx(0.3, abs=0.07)


def test_the_input_is_left_alone(video):
    before = video.clone()
    for seed in range(4):
        mix()(video, rng(seed))
    assert torch.equal(video, before)


@pytest.mark.parametrize("changes", [{"mixup": -1.0}, {"switch": 1.5}, {"probability": -0.1}])
def test_impossible_settings_are_refused(changes):
    with pytest.raises(UserError, match=r"objective\.mix\."):
        MixConfig(**changes)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_bytes(video):
    for seed in range(20):
        here, there = mix()(video, rng(seed)), mix()(video.cuda(), rng(seed))
        assert torch.equal(here[0], there[0].cpu())
        assert here[1] == there[1]

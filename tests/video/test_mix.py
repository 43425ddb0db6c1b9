"""Mixup and CutMix against their definitions."""

import numpy as np
import pytest
import torch

from internvideo_pl.video.mix import Mix


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """float (4, 3, 2, 20, 30), clip i filled with i; labels 0 to 3."""
    video = torch.arange(4.0)[:, None, None, None, None].expand(4, 3, 2, 20, 30).contiguous()
    return video, torch.arange(4)


def test_mixup_is_the_weighted_sum_of_clips_and_labels(batch):
    shares = []
    for seed in range(400):
        video, target = Mix(4, cutmix=0, smoothing=0.0)(*batch, rng(seed))
        share = float(target[0, 0])
        assert target[0].tolist() == pytest.approx([share, 0, 0, 1 - share], abs=1e-6)
        assert target[1].tolist() == pytest.approx([0, share, 1 - share, 0], abs=1e-6)
        for clip in range(4):
            expected = share * clip + (1 - share) * (3 - clip)
            torch.testing.assert_close(video[clip], torch.full((3, 2, 20, 30), expected))
        shares.append(share)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.8 + 1)), rel=0.2)  # of Beta(0.8, 0.8)


def test_cutmix_pastes_one_box_and_counts_it(batch):
    areas = []
    for seed in range(400):
        video, target = Mix(4, mixup=0, smoothing=0.0)(*batch, rng(seed))
        pasted = video[0] == 3
        assert ((video[0] == 0) | pasted).all()
        assert (pasted == pasted[:1, :1]).all()  # the same box in every channel and frame
        box = pasted[0, 0]
        area = float(box.float().mean())
        rows, columns = box.any(dim=1).nonzero(), box.any(dim=0).nonzero()
        assert int(box.sum()) == len(rows) * len(columns)
        assert float(target[0, 3]) == pytest.approx(area, abs=1e-6)
        areas.append(area)
    assert min(areas) < 0.02
    assert max(areas) > 0.6


def test_both_are_used_half_of_the_time(batch):
    mix = Mix(4, smoothing=0.0)
    cut = sum(set(mix(*batch, rng(seed))[0].unique().tolist()) <= {0.0, 1.0, 2.0, 3.0} for seed in range(400))
    assert cut / 400 == pytest.approx(0.5, abs=0.08)


def test_smoothing_and_no_mixing(batch):
    video, target = Mix(10, probability=0.0)(*batch, rng())
    assert torch.equal(video, batch[0])
    assert target[2].tolist() == pytest.approx([0.01, 0.01, 0.91, *[0.01] * 7])
    for seed in range(20):
        torch.testing.assert_close(Mix(10)(*batch, rng(seed))[1].sum(1), torch.ones(4))
    assert torch.equal(Mix(4, mixup=0, cutmix=0)(*batch, rng())[0], batch[0])


def test_the_input_is_left_alone(batch):
    before = batch[0].clone()
    for seed in range(4):
        Mix(4)(*batch, rng(seed))
    assert torch.equal(batch[0], before)

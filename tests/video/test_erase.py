"""Random erasing by its definition."""

import numpy as np
import pytest
import torch

from internvideo_pl.video.erase import RandomErasing, noise_pixels


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_erasing_one_box_through_all_frames():
    shares, ratios, noise = [], [], []
    for seed in range(300):
        clip = torch.full((3, 40, 50, 3), 7, dtype=torch.uint8)
        RandomErasing(probability=1.0).erase(clip, rng(seed))
        rows, columns = ((clip != 7).any(dim=3).any(dim=0).any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
        height, width = len(rows), len(columns)
        assert int(rows[-1] - rows[0]) == height - 1
        box = clip[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert int((clip != 7).sum()) >= 0.9 * box.numel()  # some noise is 7 by chance
        assert not torch.equal(box[0], box[1])
        shares.append(height * width / 2000)
        ratios.append(height / width)
        noise.append(box.float().mean((0, 1, 2)))
    assert 0.015 < min(shares) < 0.04
    assert 0.3 < max(shares) < 0.36
    assert min(ratios) < 0.4
    assert max(ratios) > 2.5
    torch.testing.assert_close(torch.stack(noise).mean(0), torch.tensor([124.0, 116.0, 104.0]), atol=3, rtol=0)


def test_noise_is_standard_normal_after_normalisation():
    noise = noise_pixels(torch.device("cpu")).double() / 255
    assert noise.mean(0).tolist() == pytest.approx([0.485, 0.456, 0.406], abs=0.01)
    # A normal of deviation 0.229, cut off at 0 and 1, which it leaves in 3 % of the pixels of red.
    red = (noise[:, 0] - 0.485) / 0.229
    assert float((red.abs() < 1).double().mean()) == pytest.approx(0.683, abs=0.005)
    assert float((red < -1.5).double().mean()) == pytest.approx(0.0668, abs=0.003)


def test_erasing_is_rare():
    clip = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    erased = sum(RandomErasing().draw(16, 16, rng(seed)) is not None for seed in range(800))
    assert erased / 800 == pytest.approx(0.25, abs=0.05)
    RandomErasing(probability=0.0).erase(clip, rng())
    assert not clip.any()

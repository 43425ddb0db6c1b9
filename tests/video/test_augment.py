"""RandAugment's operations against their definitions in numpy, its draws against the recipe, and erasing."""

import numpy as np
import pytest
import torch
from PIL import Image

from internvideo_pl.video.augment import OPERATIONS, RandAugment, RandomErasing


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def photo() -> np.ndarray:
    """uint8 (24, 32, 3): smooth shades with some noise."""
    y, x = np.mgrid[:24, :32]
    shades = np.stack([60 + 4 * x, 40 + 6 * y, 30 + 2 * (x + y)], axis=-1)
    return (shades + rng(1).integers(-9, 10, shades.shape)).clip(0, 255).astype(np.uint8)


def apply(name: str, photo: np.ndarray, strength: float, sign: int = 1) -> np.ndarray:
    return np.asarray(OPERATIONS[name](strength, sign)(Image.fromarray(photo)))


def test_there_are_the_fifteen_operations_of_the_recipe():
    assert len(OPERATIONS) == 15


def test_tables_of_values(photo):
    values = photo.astype(int)
    np.testing.assert_array_equal(apply("Invert", photo, 0.7), 255 - values)
    np.testing.assert_array_equal(apply("Posterize", photo, 0.7), values & 0b11000000)  # int(2.8) of 4 bits lost
    np.testing.assert_array_equal(apply("Posterize", photo, 0.0), values & 0b11110000)
    threshold = 256 - int(0.7 * 256)
    np.testing.assert_array_equal(apply("Solarize", photo, 0.7), np.where(values < threshold, values, 255 - values))
    np.testing.assert_array_equal(
        apply("SolarizeAdd", photo, 0.7), np.where(values < 128, np.minimum(values + 77, 255), values)
    )


def test_contrast_is_stretched_per_channel(photo):
    low, high = photo.min((0, 1)).astype(float), photo.max((0, 1)).astype(float)
    expected = ((photo - low) * 255 / (high - low)).clip(0, 255)
    assert np.abs(apply("AutoContrast", photo, 0.7) - expected).max() <= 1


def test_equalize_flattens_the_histogram(photo):
    out = apply("Equalize", photo, 0.7)
    for channel in range(3):
        quartiles = np.quantile(out[..., channel], [0.25, 0.5, 0.75])
        np.testing.assert_allclose(quartiles, [64, 128, 191], atol=12)


@pytest.mark.parametrize("sign", [-1, 1])
def test_blends(photo, sign):
    """factor * picture + (1 - factor) * its poor version, factor = 1 +- 0.9 * strength."""
    factor, values = 1 + sign * 0.63, photo.astype(float)
    grey = (values @ [0.299, 0.587, 0.114])[..., None]
    for name, poor in {
        "Color": grey,
        "Contrast": np.full_like(values, round(grey.mean())),
        "Brightness": np.zeros_like(values),
    }.items():
        expected = (factor * values + (1 - factor) * poor).clip(0, 255)
        assert np.abs(apply(name, photo, 0.7, sign) - expected).max() <= 2, name
    smooth = (
        sum(np.roll(values, (i, j), (0, 1)) * (5 if i == j == 0 else 1) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 13
    )
    expected = (factor * values + (1 - factor) * smooth).clip(0, 255)
    assert np.abs(apply("Sharpness", photo, 0.7, sign) - expected)[1:-1, 1:-1].max() <= 2


def test_moves(photo):
    """Whole-pixel moves shift the picture; what comes in is grey."""
    shifted = apply("TranslateX", photo, 0.5 / 0.45 / 2, 1)  # a quarter of 32 columns
    np.testing.assert_array_equal(shifted[:, :24], photo[:, 8:])
    assert (shifted[:, 24:] == 128).all()
    shifted = apply("TranslateY", photo, 0.5 / 0.45 / 2, -1)
    np.testing.assert_array_equal(shifted[6:], photo[:-6])
    assert (shifted[:6] == 128).all()


def test_shears_and_turns_follow_the_affine_map():
    y, x = np.mgrid[:40, :40].astype(float)
    ramp = np.stack([2 * x + 40, 2 * y + 40, x + y + 40], axis=-1)
    photo = ramp.astype(np.uint8)
    inner = slice(14, 26)
    sheared = apply("ShearX", photo, 1.0)[inner, inner]  # pixel x is taken from x + 0.3 y
    assert np.abs(sheared[..., 0] - (2 * (x + 0.3 * (y + 0.5)) + 40)[inner, inner]).max() < 1.5
    assert np.abs(sheared[..., 1] - ramp[inner, inner, 1]).max() < 1.5
    sheared = apply("ShearY", photo, 1.0, -1)[inner, inner]
    assert np.abs(sheared[..., 1] - (2 * (y - 0.3 * (x + 0.5)) + 40)[inner, inner]).max() < 1.5
    turned = apply("Rotate", photo, 1.0)[inner, inner]  # 30 degrees counter-clockwise about the middle
    u, v = x - 19.5, y - 19.5
    source = np.cos(np.pi / 6) * u - np.sin(np.pi / 6) * v + 19.5
    assert np.abs(turned[..., 0] - (2 * source + 40)[inner, inner]).max() < 1.5


def test_all_frames_get_the_same(photo):
    video = torch.from_numpy(np.stack([photo] * 3))
    changed = 0
    for seed in range(30):
        out = RandAugment()(video, rng(seed))
        assert out.shape == video.shape
        assert out.dtype == torch.uint8
        assert torch.equal(out[0], out[1])
        assert torch.equal(out[0], out[2])
        changed += not torch.equal(out, video)
    assert changed > 20


def test_draws_follow_the_recipe(monkeypatch):
    drawn = []
    for name in list(OPERATIONS):
        monkeypatch.setitem(OPERATIONS, name, lambda strength, sign, name=name: drawn.append((name, strength, sign)))
    augment = RandAugment()
    counts = [len(augment._draw(rng(seed))) for seed in range(3000)]
    assert np.mean(counts) == pytest.approx(2, abs=0.1)  # four, each with probability one half
    assert max(counts) == 4
    strengths = np.array([strength for _, strength, _ in drawn])
    assert strengths.mean() == pytest.approx(0.7, abs=0.01)
    assert strengths.std() == pytest.approx(0.05, abs=0.005)
    names = [name for name, *_ in drawn]
    assert all(names.count(name) == pytest.approx(len(names) / 15, rel=0.3) for name in OPERATIONS)
    assert np.mean([sign for *_, sign in drawn]) == pytest.approx(0, abs=0.1)
    assert RandAugment(probability=0.0)._draw(rng()) == []


def test_the_same_generator_gives_the_same_clip(photo):
    video = torch.from_numpy(photo)[None]
    for augment in (RandAugment(), RandomErasing(probability=1.0)):
        assert torch.equal(augment(video, rng(4)), augment(video, rng(4)))


def test_erasing_one_box_through_all_frames():
    video = torch.full((3, 40, 50, 3), 7, dtype=torch.uint8)
    shares, ratios, noise = [], [], []
    for seed in range(300):
        out = RandomErasing(probability=1.0)(video, rng(seed))
        rows, columns = ((out != 7).any(dim=3).any(dim=0).any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
        height, width = len(rows), len(columns)
        assert int(rows[-1] - rows[0]) == height - 1
        box = out[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert int((out != 7).sum()) >= 0.9 * box.numel()  # some noise is 7 by chance
        assert not torch.equal(box[0], box[1])
        shares.append(height * width / 2000)
        ratios.append(height / width)
        noise.append(box.float().mean((0, 1, 2)))
    assert 0.015 < min(shares) < 0.04
    assert 0.3 < max(shares) < 0.36
    assert min(ratios) < 0.4
    assert max(ratios) > 2.5
    torch.testing.assert_close(torch.stack(noise).mean(0), torch.tensor([124.0, 116.0, 104.0]), atol=3, rtol=0)
    assert (video == 7).all()  # the input is left alone


def test_erasing_is_rare():
    video = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    erased = sum(RandomErasing()(video, rng(seed)) is not video for seed in range(800))
    assert erased / 800 == pytest.approx(0.25, abs=0.05)

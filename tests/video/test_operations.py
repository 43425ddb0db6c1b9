"""RandAugment's operations beside Pillow's, which public recipes run, and beside their definitions worked by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from internvideo_pl.bench.augment import PILLOW
from internvideo_pl.video.operations import OPERATIONS
from internvideo_pl.video.rand_augment import AMOUNTS

MOVES = {"Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"}
EXACT = {"Equalize", "Invert", "Posterize", "Solarize", "SolarizeAdd"}


def clips(seed: int = 1, height: int = 36, width: int = 52, number: int = 2) -> torch.Tensor:
    """uint8 (number, 3, H, W, 3): smooth shades with noise, each frame another."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    shades = np.stack([60 + 3 * x, 40 + 4 * y, 30 + 2 * (x + y)], axis=-1)
    noisy = shades + rng.integers(-25, 26, (number, 3, *shades.shape))
    return torch.from_numpy(noisy.clip(0, 255).astype(np.uint8))


def ours(name: str, video: torch.Tensor, *amounts: float) -> torch.Tensor:
    return OPERATIONS[name](video, torch.tensor(amounts, dtype=torch.float64))


def pillow(name: str, video: torch.Tensor, *amounts: float) -> torch.Tensor:
    done = [
        [np.asarray(PILLOW[name](Image.fromarray(frame), amount)) for frame in clip]
        for clip, amount in zip(video.numpy(), amounts, strict=True)
    ]
    return torch.from_numpy(np.array(done))


def assert_alike(name: str, got: torch.Tensor, wanted: torch.Tensor, few: float = 0.01) -> None:
    """Equal, but for one level in a few pixels where floating point rounds another way."""
    off = (got.int() - wanted.int()).abs()
    assert got.dtype == torch.uint8
    assert got.shape == wanted.shape
    assert off.max() <= (0 if name in EXACT else 1), name
    assert (off > 0).float().mean() < few, name


def test_there_are_the_fifteen_operations_of_the_recipe():
    assert len(OPERATIONS) == 15
    assert list(OPERATIONS) == list(AMOUNTS)


@pytest.mark.parametrize("name", list(OPERATIONS))
@pytest.mark.parametrize("strength", [0.0, 0.34, 0.7, 1.0])
def test_a_batch_with_an_amount_a_clip_gives_pillows_pictures(name, strength):
    video = clips()
    amounts = AMOUNTS[name](strength, 1), AMOUNTS[name](strength, -1)
    before = video.clone()
    assert_alike(name, ours(name, video, *amounts), pillow(name, video, *amounts))
    assert torch.equal(video, before)


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_odd_pictures(name):
    """One colour, two colours, all 256 values, one pixel wide: where histograms and borders have their corners."""
    ramp = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16, 1).expand(1, 1, 16, 16, 3).contiguous()
    flat = torch.full((1, 1, 9, 7, 3), 77, dtype=torch.uint8)
    two = flat.clone()
    two[:, :, 4:] = 201
    amount = AMOUNTS[name](0.7, 1)
    for video in (ramp, flat, two, ramp[:, :, :, :3], ramp[:, :, :3]):
        assert_alike(name, ours(name, video, amount), pillow(name, video, amount), few=0.05)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(OPERATIONS)),
    strength=st.floats(0, 1),
    sign=st.sampled_from([-1, 1]),
    height=st.integers(4, 40),
    width=st.integers(4, 40),
    seed=st.integers(0, 1000),
)
def test_any_picture_and_strength(name, strength, sign, height, width, seed):
    video, amount = clips(seed, height, width, number=1), AMOUNTS[name](strength, sign)
    off = (ours(name, video, amount).int() - pillow(name, video, amount).int()).abs()
    # Pixels whose source lies on the very border may be inside for one and outside for the other: at most a line.
    line = 1 / min(height, width) if name in MOVES else 0
    assert (off > 1).float().mean() <= line, name


def test_tables_of_values_by_hand():
    values = torch.tensor([0, 64, 127, 128, 200, 255], dtype=torch.uint8).view(1, 1, 1, 6, 1).expand(1, 1, 1, 6, 3)
    assert ours("Invert", values, 0)[0, 0, 0, :, 0].tolist() == [255, 191, 128, 127, 55, 0]
    assert ours("Posterize", values, 2)[0, 0, 0, :, 0].tolist() == [0, 64, 64, 128, 192, 192]
    assert ours("Posterize", values, 0)[0, 0, 0, :, 0].tolist() == [0] * 6
    assert ours("Solarize", values, 128)[0, 0, 0, :, 0].tolist() == [0, 64, 127, 127, 55, 0]
    assert torch.equal(ours("Solarize", values, 256), values)
    assert torch.equal(ours("Solarize", values, 0), ~values)
    assert ours("SolarizeAdd", values, 77)[0, 0, 0, :, 0].tolist() == [77, 141, 204, 128, 200, 255]
    assert ours("Brightness", values, 1.5)[0, 0, 0, :, 0].tolist() == [0, 96, 190, 192, 255, 255]


def test_whole_pixel_moves_shift_and_let_grey_in():
    video = clips(height=24, width=32)
    shifted = ours("TranslateX", video, 0.25, -0.5)
    assert torch.equal(shifted[0, :, :, :24], video[0, :, :, 8:])
    assert (shifted[0, :, :, 24:] == 128).all()
    assert torch.equal(shifted[1, :, :, 16:], video[1, :, :, :16])
    shifted = ours("TranslateY", video, -0.25, 0.0)
    assert torch.equal(shifted[0, :, 6:], video[0, :, :-6])
    assert (shifted[0, :, :6] == 128).all()
    assert torch.equal(shifted[1], video[1])


def test_turns_are_counter_clockwise():
    video = torch.full((1, 1, 21, 21, 3), 10, dtype=torch.uint8)
    video[:, :, :, 18:] = 250  # a bar at the right
    turned = ours("Rotate", video, 90.0)
    assert (turned[:, :, :3] == 250).all()  # has gone to the top
    assert (turned[:, :, 4:] == 10).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_a_gpu_gives_the_same_bytes(name):
    video = clips(height=96, width=112)
    amounts = AMOUNTS[name](0.7, 1), AMOUNTS[name](0.52, -1)
    assert torch.equal(ours(name, video.cuda(), *amounts).cpu(), ours(name, video, *amounts))

"""Crops, resizes and flips of whole clips against slow versions and hand-worked cases."""

import numpy as np
import pytest
import torch

from internvideo_pl.video.transform import (
    CLIP_MEAN,
    CLIP_STD,
    IMAGENET_MEAN,
    IMAGENET_STD,
    SQUARE_SCALES,
    EvalTransform,
    MultiScaleTransform,
    TrainTransform,
    ViewsTransform,
    center_crop,
    flip,
    multi_scale_crop,
    normalize,
    random_crop,
    random_resized_crop,
    resize,
    resize_short,
    short_side_size,
    side_views,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def clip() -> torch.Tensor:
    """uint8 (3, 40, 60, 3): red counts columns, green rows, blue frames."""
    t, y, x = torch.meshgrid(torch.arange(3), torch.arange(40), torch.arange(60), indexing="ij")
    return torch.stack([x * 4, y * 6, t * 100], dim=-1).to(torch.uint8)


def box(crop: torch.Tensor) -> tuple[int, int, int, int]:
    """(top, left, height, width) of an unresized crop, read off its colours."""
    return int(crop[0, 0, 0, 1]) // 6, int(crop[0, 0, 0, 0]) // 4, crop.shape[1], crop.shape[2]


@pytest.fixture
def boxes(monkeypatch) -> list[tuple[int, int, int, int]]:
    """Every (top, left, height, width) that a transform cuts out before it resizes."""
    cut = []

    def note(video, height, width):
        cut.append(box(video))
        return video

    monkeypatch.setattr("internvideo_pl.video.transform.resize", note)
    return cut


def test_short_side_size():
    assert short_side_size(256, 340, 224) == (224, 297)  # 297.5 rounded down
    assert short_side_size(340, 256, 224) == (297, 224)
    assert short_side_size(50, 50, 224) == (224, 224)


def test_resize_averages_blocks(clip):
    """Halving with antialiased bilinear weighs 1 3 3 1; a linear ramp keeps its block means inside."""
    small = resize(clip, 20, 30)
    assert small.shape == (3, 20, 30, 3)
    assert small.dtype == torch.uint8
    means = clip.double().reshape(3, 20, 2, 30, 2, 3).mean(dim=(2, 4))
    assert (small[:, 1:-1, 1:-1].double() - means[:, 1:-1, 1:-1]).abs().max() <= 1
    assert resize(clip, 40, 60) is clip
    assert resize_short(clip, 20).shape == (3, 20, 30, 3)
    assert torch.equal(resize(clip[None], 20, 30)[0], small)


def test_center_and_random_crop(clip):
    assert box(center_crop(clip, 30)) == (5, 15, 30, 30)
    places = {box(random_crop(clip, 38, rng(seed)))[:2] for seed in range(400)}
    assert places == {(top, left) for top in range(3) for left in range(23)}


def test_a_crop_is_the_same_in_all_frames(clip):
    for transform in (
        lambda v, g: random_crop(v, 20, g),
        lambda v, g: multi_scale_crop(v, 24, g),
        lambda v, g: random_resized_crop(v, 24, g),
        MultiScaleTransform(24),
        TrainTransform(24),
    ):
        out = transform(clip, rng(5))
        assert torch.equal(out[0, ..., :2], out[2, ..., :2])
        assert out[:, 0, 0, 2].tolist() == [0, 100, 200]


def test_multi_scale_crop_takes_the_thirteen_places(clip, boxes):
    """Sides 40, 35, 30, 26 (shares 1, .875, .75, .66 of 40), neighbours paired, at quarters of the free room."""
    for seed in range(3000):
        multi_scale_crop(clip, 8, rng(seed))
    sides = [40, 35, 30, 26]
    assert {(h, w) for *_, h, w in boxes} == {
        (h, w) for i, h in enumerate(sides) for j, w in enumerate(sides) if abs(i - j) <= 1
    }
    quarters = [(a, b) for a in (0, 2, 4) for b in (0, 2, 4)] + [(a, b) for a in (1, 3) for b in (1, 3)]
    assert set(boxes) == {(a * ((40 - h) // 4), b * ((60 - w) // 4), h, w) for *_, h, w in boxes for a, b in quarters}


def test_multi_scale_crop_does_not_resize_what_nearly_fits(clip, boxes):
    for seed in range(300):
        multi_scale_crop(clip, 28, rng(seed))  # 30 and 26 are within two pixels of it, 35 is not
    assert {side for *_, h, w in boxes for side in (h, w)} == {40, 35, 28}


def test_square_scales_have_five_places(clip, boxes):
    """Squares of 40 and 32 (shares 1 and .8) in the corners and the middle, as MMAction's MultiScaleCrop has them."""
    for seed in range(300):
        multi_scale_crop(clip, 8, rng(seed), SQUARE_SCALES)
    places = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    assert set(boxes) == {(a * ((40 - s) // 4), b * ((60 - s) // 4), s, s) for s in (40, 32) for a, b in places}


def test_random_resized_crop_is_in_range(clip, boxes):
    for seed in range(500):
        random_resized_crop(clip, 8, rng(seed))
    areas = np.array([h * w for *_, h, w in boxes]) / (40 * 60)
    ratios = np.array([w / h for *_, h, w in boxes])
    assert 0.07 < areas.min() < 0.12
    assert areas.max() > 0.6  # a square of 40 x 53 is the largest that the aspect allows
    assert 0.68 < ratios.min() < 0.8
    assert 1.28 < ratios.max() < 1.42
    assert abs(np.log(ratios).mean()) < 0.05  # as often wide as tall


def test_random_resized_crop_of_a_ribbon_takes_the_middle():
    ribbon = torch.arange(100, dtype=torch.uint8).expand(1, 10, 100)[..., None].repeat(1, 1, 1, 3)
    out = random_resized_crop(ribbon, 10, rng(), area=(0.9, 1.0))
    assert abs(out.float().mean() - 49.5) < 1  # the middle 13 columns, 43 to 55


def test_flip(clip):
    assert torch.equal(flip(clip)[1, 2], clip[1, 2].flip(0))
    assert torch.equal(flip(flip(clip)), clip)


def test_flips_can_be_forbidden(clip):
    def left_of(transform, seed):
        out = transform(clip, rng(seed))
        return bool(out[0, 0, 0, 0] < out[0, 0, -1, 0])

    assert all(left_of(TrainTransform(24, flip=0.0), seed) for seed in range(40))
    assert not any(left_of(TrainTransform(24, flip=1.0), seed) for seed in range(40))
    assert 5 < sum(left_of(TrainTransform(24), seed) for seed in range(40)) < 35


def test_side_views_by_hand(clip):
    views = ViewsTransform(40, 3)(clip)  # starts at 0, 10, 20
    assert views.shape == (3, 3, 40, 40, 3)
    assert [box(view) for view in views] == [(0, 0, 40, 40), (0, 10, 40, 40), (0, 20, 40, 40)]
    tall = side_views(clip.transpose(1, 2), 40, 3)
    assert [int(view[0, 0, 0, 0]) // 4 for view in tall] == [0, 10, 20]
    assert box(side_views(clip, 40, 1)[0]) == (0, 10, 40, 40)


def test_eval_transform(clip):
    assert torch.equal(EvalTransform(40)(clip), center_crop(clip, 40))
    assert EvalTransform(24, short_side=32)(clip).shape == (3, 24, 24, 3)


def test_normalize_against_the_definition():
    video = torch.randint(0, 256, (2, 3, 4, 5, 3), dtype=torch.uint8)
    for mean, std in ((IMAGENET_MEAN, IMAGENET_STD), (CLIP_MEAN, CLIP_STD)):
        out = normalize(video, mean, std)
        assert out.shape == (2, 3, 3, 4, 5)
        assert out.dtype == torch.float32
        assert out.is_contiguous()
        expected = (video.double() / 255 - torch.tensor(mean)) / torch.tensor(std)
        torch.testing.assert_close(out.double(), expected.permute(0, 4, 1, 2, 3), atol=1e-5, rtol=0)
    assert video.dtype == torch.uint8


def test_the_same_generator_gives_the_same_clip(clip):
    for transform in (MultiScaleTransform(24), TrainTransform(24)):
        assert torch.equal(transform(clip, rng(7)), transform(clip, rng(7)))

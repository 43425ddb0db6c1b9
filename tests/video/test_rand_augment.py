"""RandAugment's words against timm's meaning of them, and its draws against the recipe."""

import numpy as np
import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.video.rand_augment import AMOUNTS, RandAugment, parse_rand_augment

RECIPE = "rand-m7-n4-mstd0.5-inc1"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_timms_words():
    assert parse_rand_augment(RECIPE) == RandAugment(7.0, 4, 0.5, 0.5)
    assert parse_rand_augment("rand-inc1") == RandAugment(10.0, 2, 0.0, 0.5)  # timm's defaults
    assert parse_rand_augment("rand-p0.25-inc1-n3-m9") == RandAugment(9.0, 3, 0.0, 0.25)  # in any order


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auto-m7", "must begin with 'rand'"),
        ("rand-m7-q3-inc1", "unknown part 'q3'"),
        ("rand-m-inc1", "unknown part 'm'"),
        ("rand-m7--inc1", "unknown part ''"),
        ("rand-m7-w0-inc1", "unknown part 'w0'"),
        ("rand-m70-inc1", "m must be from 0 to 10, got 70"),
        ("rand-m7-n0-inc1", "n must be from 1 to 100, got 0"),
        ("rand-m7-inc0", "inc must be from 1 to 1, got 0"),
        ("rand-m7-n4-mstd0.5", "must end with '-inc1'"),
    ],
)
def test_other_words_are_refused(text, says):
    with pytest.raises(UserError, match=says):
        parse_rand_augment(text)


def test_amounts_by_hand():
    """timm's increasing set at magnitude 7 of 10."""
    up = {name: amount(0.7, 1) for name, amount in AMOUNTS.items()}
    down = {name: amount(0.7, -1) for name, amount in AMOUNTS.items()}
    assert up["Rotate"] == pytest.approx(21)
    assert down["Rotate"] == pytest.approx(-21)
    assert up["Posterize"] == down["Posterize"] == 4 - 2  # int(2.8) of 4 bits are lost
    assert up["Solarize"] == down["Solarize"] == 256 - 179
    assert up["SolarizeAdd"] == down["SolarizeAdd"] == 77
    for name in ("Color", "Contrast", "Brightness", "Sharpness"):
        assert up[name] == pytest.approx(1.63)
        assert down[name] == pytest.approx(0.37)
    for name in ("ShearX", "ShearY"):
        assert (up[name], down[name]) == pytest.approx((0.21, -0.21))
    for name in ("TranslateX", "TranslateY"):
        assert (up[name], down[name]) == pytest.approx((0.315, -0.315))


def test_draws_follow_the_recipe():
    augment = parse_rand_augment(RECIPE)
    drawn = [augment.draw(rng(seed)) for seed in range(4000)]
    counts = [len(steps) for steps in drawn]
    assert np.mean(counts) == pytest.approx(2, abs=0.1)  # four, each with probability one half
    assert max(counts) == 4
    steps = [step for clip in drawn for step in clip]
    names = [name for name, _ in steps]
    assert all(names.count(name) == pytest.approx(len(names) / 15, rel=0.2) for name in AMOUNTS)
    degrees = np.array([amount for name, amount in steps if name == "Rotate"])
    assert np.abs(degrees).mean() == pytest.approx(21, abs=0.5)
    assert np.abs(degrees).std() == pytest.approx(0.05 * 30, rel=0.15)
    assert np.sign(degrees).mean() == pytest.approx(0, abs=0.15)
    assert RandAugment(probability=0.0).draw(rng()) == []


def test_the_same_generator_gives_the_same_steps():
    augment = parse_rand_augment(RECIPE)
    assert augment.draw(rng(4)) == augment.draw(rng(4))
    assert augment.draw(rng(4)) != augment.draw(rng(5))

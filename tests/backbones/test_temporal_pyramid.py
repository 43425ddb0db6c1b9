"""The pyramid: near attention equals dense attention with a band, padding changes nothing, long rows have positions."""

import math

import pytest
import torch
from torch.nn import functional as F

from internvideo_pl.backbones.temporal_layers import LocalAttention, MaskedConv, attend_near
from internvideo_pl.backbones.temporal_pyramid import PyramidConfig, TemporalPyramid, sine_table
from internvideo_pl.errors import UserError

SMALL = {"width": 16, "heads": 2, "levels": 3, "windows": [5, 5, -1], "max_len": 16}


@pytest.mark.parametrize("places", [1, 15, 16, 17, 70])
@pytest.mark.parametrize("reach", [1, 3, 9, 20])
def test_near_attention_equals_dense_attention_with_a_band(places, reach):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 2, places, 4)
    mask = torch.arange(places)[None] < torch.tensor([[places], [max(places - 7, 1)]])
    place = torch.arange(places)
    band = (place[None] - place[:, None]).abs() <= reach
    seen = (band & mask[:, None, None, :]) | torch.eye(places, dtype=torch.bool)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    torch.testing.assert_close(attend_near(query, key, value, mask, reach), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_attention_without_a_window_equals_one_as_wide_as_the_row(stride):
    torch.manual_seed(0)
    everywhere, near = LocalAttention(8, 2, -1, stride), LocalAttention(8, 2, 63, stride)
    near.load_state_dict(everywhere.state_dict())
    x, mask = torch.randn(2, 8, 32), torch.arange(32)[None] < torch.tensor([[32], [20]])
    x = x * mask[:, None]
    for one, other in zip(everywhere(x, mask), near(x, mask), strict=True):
        torch.testing.assert_close(one, other)


def test_a_strided_convolution_halves_places_and_mask():
    x, mask = torch.ones(1, 2, 8), torch.tensor([[True] * 5 + [False] * 3])
    out, half = MaskedConv(2, 3, 3, stride=2)(x * mask[:, None], mask)
    assert out.shape == (1, 3, 4)
    assert half.tolist() == [[True, True, True, False]]
    assert (out[..., 3] == 0).all()


@pytest.mark.parametrize("positions", [False, True])
def test_padding_changes_nothing(positions):
    torch.manual_seed(0)
    pyramid = TemporalPyramid(6, PyramidConfig(**SMALL, positions=positions)).eval()
    x = torch.randn(1, 6, 12)
    short, masks = pyramid(x, torch.ones(1, 12, dtype=torch.bool))
    mask = torch.arange(16)[None] < 12
    long, _ = pyramid(F.pad(x, (0, 4)), mask)
    assert [level.shape[-1] for level in short] == [12, 6, 3]
    for one, other, there in zip(short, long, masks, strict=True):
        assert there.all()
        torch.testing.assert_close(one, other[..., : one.shape[-1]])
        assert (other[..., one.shape[-1] :] == 0).all()


def test_a_longer_row_than_the_table_interpolates_it():
    pyramid = TemporalPyramid(6, PyramidConfig(**SMALL, positions=True))
    assert pyramid._positions(32).shape == (16, 32)
    torch.testing.assert_close(pyramid._positions(8), sine_table(16, 16)[:, :8] / 4)


def test_the_table_is_the_transformers():
    table = sine_table(7, 4)
    for place in range(7):
        for channel in range(4):
            angle = place / 10_000 ** (2 * (channel // 2) / 4)
            expected = math.sin(angle) if channel % 2 == 0 else math.cos(angle)
            assert table[channel, place].item() == pytest.approx(expected, abs=1e-6)


def test_windows_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="must be odd or -1"):
        PyramidConfig(windows=[4])
    with pytest.raises(UserError, match="one for each of 6 levels"):
        PyramidConfig(windows=[3, 3])


def test_dropout_acts_in_training_alone_after_three_projections_of_a_block():
    torch.manual_seed(0)
    pyramid = TemporalPyramid(6, PyramidConfig(**SMALL, drop_path=0.0, dropout=0.5))
    plain = TemporalPyramid(6, PyramidConfig(**SMALL, drop_path=0.0))
    plain.load_state_dict(pyramid.state_dict())
    x, mask = torch.randn(1, 6, 12), torch.ones(1, 12, dtype=torch.bool)
    calls: list[int] = []
    for module in pyramid.modules():
        if isinstance(module, torch.nn.Dropout):
            module.register_forward_hook(lambda *_: calls.append(1))
    torch.testing.assert_close(pyramid.eval()(x, mask)[0], plain.eval()(x, mask)[0])
    assert len(calls) == 3 * len(pyramid.blocks)
    assert not torch.equal(pyramid.train()(x, mask)[0][0], plain.train()(x, mask)[0][0])

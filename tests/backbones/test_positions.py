"""Position tables from the formula."""

import math

import pytest
import torch
from torch.testing import assert_close

from internvideo_pl.backbones.positions import interpolate_table, sincos_table


def test_formula():
    table = sincos_table(7, 6)
    assert table.shape == (1, 7, 6)
    assert table.dtype == torch.float32
    for p in range(7):
        for i in range(3):
            angle = p / 10000 ** (2 * i / 6)
            assert table[0, p, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-7)
            assert table[0, p, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-7)


def test_table_is_real_under_the_meta_device():
    with torch.device("meta"):
        table = sincos_table(4, 8)
    assert torch.equal(table, sincos_table(4, 8))


def test_same_grid_is_untouched():
    table = torch.randn(1, 2 * 3 * 3, 4)
    assert interpolate_table(table, (2, 3, 3), (2, 3, 3)) is table


def test_time_is_linear_with_pixel_centres():
    table = torch.arange(2.0).view(2, 1, 1).expand(2, 4, 3).reshape(1, 8, 3)  # value = slot
    stretched = interpolate_table(table, (2, 2, 2), (4, 2, 2)).view(4, 4, 3)
    assert_close(stretched[:, 0, 0], torch.tensor([0, 0.25, 0.75, 1]))
    assert (stretched == stretched[:, :1, :1]).all()


def test_space_keeps_axes_apart():
    rows = torch.arange(8.0).view(1, 8, 1, 1).expand(2, 8, 8, 2).reshape(1, 128, 2)  # value = row
    resized = interpolate_table(rows, (2, 8, 8), (2, 16, 16)).view(2, 16, 16, 2)
    assert_close(resized, resized[:, :, :1, :1].expand_as(resized))
    middle = resized[0, 6:10, 0, 0]  # a cubic kernel follows a ramp closely, away from the border
    assert_close(middle, torch.tensor([2.75, 3.25, 3.75, 4.25]), atol=0.05, rtol=0)

"""Shares of groups of values in bins over the range of all."""

import numpy as np
import pytest

from internvideo_pl.tables.drawing import to_svg
from internvideo_pl.tables.histogram import histogram, shares


def test_shares_are_percents_of_each_group_over_the_common_range():
    edges, found = shares({"a": np.array([0.0, 0.1, 1.0]), "b": np.array([2.0]), "c": np.array([])}, bins=4)
    assert edges.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert found["a"] == pytest.approx([200 / 3, 0, 100 / 3, 0])
    assert found["b"] == [0, 0, 0, 100]
    assert found["c"] == [0, 0, 0, 0]


def test_the_drawing_names_groups_and_range():
    svg = to_svg(histogram({"known": [0.25, 0.5], "unknown": [0.75, 1.25]}, "uncertainty"))
    assert svg.startswith("<svg")
    assert all(words in svg for words in ("known (%)", "unknown (%)", "from 0.25 to 1.25"))
    assert to_svg(histogram({"one": [1.0], "two": []}, "x")).startswith("<svg")

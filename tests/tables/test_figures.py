import io
import math
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from internvideo_pl.tables.drawing import Drawing, Path, Span, Text, box, label, to_png, to_svg
from internvideo_pl.tables.figures import GROUPS, figures
from internvideo_pl.tables.paper import paper
from tests.tables.rows import k400


def words(svg: str) -> str:
    return " ".join("".join(element.itertext()) for element in ET.fromstring(svg) if element.tag.endswith("text"))


def test_all_39_benchmarks_are_on_the_radar():
    svg = to_svg(figures([])["radar"])
    for each in paper().benchmarks.values():
        assert (f"{each.id} {each.paper[each.headline]:g}" in words(svg)) == (each.n <= 39)
    assert all(title in words(svg) for title in GROUPS.values())


def test_ours_is_drawn_only_where_it_is_comparable():
    plain = to_svg(figures([])["radar"])
    assert to_svg(figures([k400(90.0, mini=True), k400(90.0, protocol={"split": "test"})])["radar"]) == plain
    drawn = figures([k400(90.0)])
    assert "ours on 1 of them" in drawn["radar"].alt
    assert to_svg(drawn["radar"]).count("<circle") == plain.count("<circle") + 1
    assert "k400: best before 89.90, InternVideo (the paper) 91.10, ours 90.00" in drawn["bars_action"].alt


def test_unlike_protocols_are_bars_of_their_own_and_none_is_ours_in_the_radar():
    many, one = ({"split": "val", "views": views} for views in ("7x3", "1x1"))
    drawn = figures([k400(90.8, protocol=many), k400(88.0, protocol=one)])
    assert "ours on 0 of them. Of several protocols, and not drawn: k400." in drawn["radar"].alt
    assert "ours 90.80 (views 7x3), ours 88.00 (views 1x1)" in drawn["bars_action"].alt
    said = words(to_svg(drawn["bars_action"]))
    assert "90.80, ours, views 7x3" in said
    assert "88.00, ours, views 1x1" in said
    same = figures([k400(90.8, protocol=many), k400(88.0, protocol=many)])
    assert "ours 90.80;" in same["bars_action"].alt
    assert "ours on 1 of them." in same["radar"].alt


def test_figures_are_finite_for_odd_values():
    for value in (math.nan, 0.0, 1e9):
        for drawing in figures([k400(value)]).values():
            assert not any(word in to_svg(drawing) for word in ("nan", "inf"))


@pytest.mark.parametrize("name", ["radar", "bars_zero_shot"])
def test_png_has_the_same_shape_as_svg(name):
    drawing = figures([k400(88.0, intervals={"top1": (87.0, 89.0)})])[name]
    picture = Image.open(io.BytesIO(to_png(drawing)))
    assert picture.size == (2 * round(drawing.width), 2 * round(drawing.height))
    assert len(picture.getcolors(1 << 20)) > 50  # smoothed lines and letters


def test_png_shows_what_svg_says():
    shapes = [box(10, 10, 20, 20, "good"), Path([[(0, 50), (100, 50)]], "bad", 4), Path([[(80, 20)]], "line-1", 10)]
    drawing = Drawing(
        100, 60, [*shapes, label(50, 30, "<&>"), Text((0, 40), [Span("a", "ink", True), Span("b")])], 'an "alt"'
    )
    picture = Image.open(io.BytesIO(to_png(drawing))).convert("RGB")
    assert picture.getpixel((40, 40)) == (0x14, 0x73, 0x4A)
    assert picture.getpixel((100, 100)) == (0xB3, 0x38, 0x1C)
    assert picture.getpixel((160, 40)) == (0x2F, 0x5B, 0xEA)
    assert picture.getpixel((5, 5)) == (255, 255, 255)
    svg = ET.fromstring(to_svg(drawing))
    assert svg.get("aria-label") == 'an "alt"'
    assert "<&>" in "".join(svg.itertext())

"""Drawings of ours come through as they are; whatever else an SVG can do does not."""

import pytest

from internvideo_pl.tables.drawing import to_svg
from internvideo_pl.tables.figures import figures
from internvideo_pl.tables.histogram import histogram
from internvideo_pl.tables.safe_svg import safe_svg
from tests.tables.rows import k400

HEAD = '<svg xmlns="http://www.w3.org/2000/svg">'


def test_our_own_drawings_come_through():
    drawings = [*figures([k400(90.0)]).values(), histogram({"a <b>": [0.1, 0.4], "c": [0.3]}, 'the "x" & url(y)')]
    for drawing in drawings:
        svg = to_svg(drawing)
        found = safe_svg(svg)
        assert found is not None
        for mark in ("<path", "<text", "<tspan", "<circle", "style="):
            assert found.count(mark) == svg.count(mark)
        assert safe_svg(svg.replace("\n", "")) is not None


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<path onclick="alert(1)" d="M0 0"/>',
        '<a href="https://example.org"><text>x</text></a>',
        '<image href="https://example.org/x.png"/>',
        '<use href="#x"/>',
        "<style>@import 'x'</style>",
        "<foreignObject><p>x</p></foreignObject>",
        '<path style="fill:url(https://example.org)" d="M0 0"/>',
        '<path style="background:URL(x)" d="M0 0"/>',
        '<path style="fill:&quot;" d="M0 0"/>',
        '<path fill="javascript:alert(1)&lt;" d="M0 0"/>',
        '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
        "<g>" * 9 + "</g>" * 9,
        "<path",
        "",
    ],
)
def test_nothing_else_does(inside):
    text = f"{HEAD}{inside}</svg>" if inside else "<p>no drawing</p>"
    assert safe_svg(text) is None


def test_words_are_escaped_again():
    assert safe_svg(f"{HEAD}<text>&lt;script&gt;</text></svg>") == "<svg><text>&lt;script&gt;</text></svg>"
    assert safe_svg(f'<!DOCTYPE svg [<!ENTITY a "b">]>{HEAD}<text>&a;</text></svg>') is None

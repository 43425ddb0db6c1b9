import base64
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from internvideo_pl.errors import UserError
from internvideo_pl.tables.benchmark import benchmark_table
from internvideo_pl.tables.curves import Curve
from internvideo_pl.tables.plot import Line, line_plot
from internvideo_pl.tables.report import write_report
from internvideo_pl.tables.sections import (
    Card,
    CardsSection,
    CurvesSection,
    FactsSection,
    Picture,
    PictureSection,
    TableSection,
    TextSection,
)
from tests.tables.rows import make_row

HOSTILE = "<script>alert('x')</script> & \"quotes\""
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags close in order; collects tags with their attributes, and the text."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture
def page(tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (4, 4), "red").save(picture)
    drawing = Curve(HOSTILE, line_plot([Line(HOSTILE, [0, 1], [1.0, 2.0], [1.0, 2.0])], HOSTILE, "step"), HOSTILE)
    sections = [
        CardsSection(HOSTILE, [Card(HOSTILE, HOSTILE, HOSTILE, "good")]),
        TableSection(HOSTILE, benchmark_table([make_row(model=HOSTILE)], HOSTILE, [HOSTILE]), HOSTILE),
        PictureSection(HOSTILE, [Picture(picture, HOSTILE, HOSTILE), Picture(picture.read_bytes(), "bytes")], HOSTILE),
        CurvesSection(HOSTILE, [drawing, drawing], HOSTILE),
        FactsSection(HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: 75.0, "short": 2.25}),
        TextSection(HOSTILE, f"{HOSTILE}\n\nsecond paragraph"),
        TextSection(HOSTILE, f"key:\n  nested: {HOSTILE}", code=True),
    ]
    path = write_report(tmp_path / "report.html", HOSTILE, sections, subtitle=HOSTILE)
    return Page(path.read_text(encoding="utf-8")), picture


def test_the_page_needs_nothing_from_outside(page):
    tags = page[0].tags
    assert page[0].all("script") == page[0].all("link") == []
    targets = [value for _, attributes in tags for key, value in attributes.items() if key in ("src", "href")]
    assert targets
    assert all(target.startswith(("data:image/", "#")) for target in targets)
    styles = page[0].text + "".join(attributes.get("style", "") for _, attributes in tags)
    assert not re.search(r"url\(|@import|https?:", styles)


def test_hostile_text_stays_text(page):
    assert page[0].text.count("<script>alert('x')</script>") >= 20
    assert page[0].all("h1") == [{}]
    assert all("onerror" not in attributes for _, attributes in page[0].tags)


def test_the_page_can_be_read_without_eyes(page):
    parsed, _ = page
    assert parsed.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in parsed.all("img"))
    assert all(drawing.get("aria-label") for drawing in parsed.all("svg") if drawing.get("role") == "img")
    names = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(names) == len(set(names))
    assert {link["href"].removeprefix("#") for link in parsed.all("a")} <= set(names)
    assert all(section["aria-labelledby"] in names for section in parsed.all("section"))


def test_pictures_are_embedded_whole(page):
    parsed, picture = page
    for image in parsed.all("img"):
        kind, _, content = image["src"].partition(";base64,")
        assert kind == "data:image/png"
        assert base64.b64decode(content) == picture.read_bytes()


def test_times_are_in_words(page):
    assert "1 min 15 s" in page[0].text
    assert "2.2 s" in page[0].text
    assert "1 min 17 s in all" in page[0].text


def test_a_page_replaces_the_one_before_and_leaves_nothing_else(tmp_path):
    path = write_report(tmp_path / "report.html", "first", [])
    write_report(path, "second", [])
    assert "<h1>second</h1>" in path.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_picture_that_is_none_is_named(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    for source in (tmp_path / "notes.png", tmp_path / "absent.png"):
        with pytest.raises(UserError, match=source.name):
            write_report(tmp_path / "report.html", "t", [PictureSection("p", [Picture(source, "alt")])])
    with pytest.raises(UserError, match="choose another folder"):
        write_report(tmp_path / "nowhere" / "report.html", "t", [])

"""Maps of walks: sound SVG, words escaped, also without a plan."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image, ImageColor

from internvideo_pl.callbacks.routes import OWN, TRUTH, Route, draw_routes
from internvideo_pl.callbacks.shown import draw
from internvideo_pl.simulators.rooms.layout import draw_scene
from internvideo_pl.simulators.rooms.simulator import RoomsSimulator
from internvideo_pl.tables.drawing import to_svg
from internvideo_pl.tables.safe_svg import safe_svg
from internvideo_pl.tables.sections import Picture, PictureSection, section_body

PATH = np.array([[1.0, 0, 1], [2, 0, 1], [2, 0, 3]])
SVG = "{http://www.w3.org/2000/svg}"


def test_maps_are_sound_and_show_what_there_is(tmp_path):
    simulator = RoomsSimulator(draw_scene(np.random.default_rng(0)))
    route = Route(
        simulator.plan(), PATH, PATH[:2], "Stop at the <red> pillar & wait. " * 5, "stopped 2.0 m from the goal"
    )
    drawing = draw_routes([route, route, route])
    path = draw(drawing, tmp_path / "routes.svg")
    root = ElementTree.parse(path).getroot()
    words = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert words.count("stopped 2.0 m from the goal") == 3
    for room in simulator.scene.rooms:
        assert words.count(room.name) == 3
    assert any("<red> pillar &" in line for line in words)
    paths = list(root.iter(f"{SVG}path"))
    assert len(paths) == 1 + 3 * (len(simulator.plan()) + 4)  # paper; rooms, two walks, a ring and a cross
    assert sum(TRUTH in each.get("style") for each in paths) == 3 * 2
    page = section_body(PictureSection("Maps", [Picture(path, "maps")]))
    assert "data:image/svg+xml;base64," in page
    assert safe_svg(path.read_text()) is not None  # and so in the page of all results
    picture = Image.open(path.with_suffix(".png")).convert("RGB")
    assert picture.size == pytest.approx((2 * drawing.width, 2 * drawing.height), abs=1)
    colours = {colour for _, colour in picture.getcolors(1 << 22)}
    assert {ImageColor.getrgb(OWN), (255, 255, 255)} <= colours


def test_without_a_plan_the_paths_remain():
    root = ElementTree.fromstring(to_svg(draw_routes([Route([], PATH, PATH[:1], "go", "stopped")])))
    assert len(list(root.iter(f"{SVG}path"))) == 1 + 4

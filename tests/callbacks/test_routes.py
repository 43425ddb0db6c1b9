"""Maps of walks: sound SVG, words escaped, also without a plan."""

import xml.etree.ElementTree as ElementTree

import numpy as np

from internvideo_pl.callbacks.routes import Route, draw_routes
from internvideo_pl.simulators.rooms.layout import draw_scene
from internvideo_pl.simulators.rooms.simulator import RoomsSimulator
from internvideo_pl.tables.sections import Picture, PictureSection, section_body

PATH = np.array([[1.0, 0, 1], [2, 0, 1], [2, 0, 3]])
SVG = "{http://www.w3.org/2000/svg}"


def test_maps_are_sound_and_show_what_there_is(tmp_path):
    simulator = RoomsSimulator(draw_scene(np.random.default_rng(0)))
    route = Route(
        simulator.plan(), PATH, PATH[:2], "Stop at the <red> pillar & wait. " * 5, "stopped 2.0 m from the goal"
    )
    (tmp_path / "routes.svg").write_text(draw_routes([route, route, route]))
    root = ElementTree.parse(tmp_path / "routes.svg").getroot()
    maps = root.findall(f"{SVG}g")
    assert len(maps) == 3
    words = [text.text for text in maps[0].iter(f"{SVG}text")]
    assert {room.name for room in simulator.scene.rooms} <= set(words)
    assert words[-1] == "stopped 2.0 m from the goal"
    assert any("<red> pillar &" in line for line in words)
    assert len(list(maps[0].iter(f"{SVG}polygon"))) == len(simulator.plan())
    page = section_body(PictureSection("Maps", [Picture(tmp_path / "routes.svg", "maps")]))
    assert "data:image/svg+xml;base64," in page


def test_without_a_plan_the_paths_remain():
    root = ElementTree.fromstring(draw_routes([Route([], PATH, PATH[:1], "go", "stopped")]))
    assert len(list(root.iter(f"{SVG}path"))) == 3

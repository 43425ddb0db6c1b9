"""The miniature world: what is drawn, that no frame gives a motion away, that splits share nothing."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from internvideo_pl.data.mini import kinetics, render, world
from internvideo_pl.data.mini.world import COLOURS, MOTIONS, SHAPES, SPLIT_GROUPS, TEXTURES, Look, Scene, Thing

PI = np.pi
# closed forms, in squares of the radius
AREAS = {
    "disc": PI * 0.95**2,
    "square": 1.6**2,
    "triangle": 3 * np.sqrt(3) * 0.56**2,  # by its inner circle
    "cross": 2 * 1.96 * 0.68 - 0.68**2,
    "ring": PI * (0.98**2 - 0.42**2),
}


def a_thing(shape="disc", texture="plain", colour="red", motion="right", **nuisances) -> Thing:
    plain = {"centre": (0.5, 0.5), "radius": 0.22, "speed": 4 / 64, "angle": 0.3, "spin": 0.0, "cells": 1.2}
    return Thing(Look(shape, texture, colour, motion), COLOURS[colour], phase=(0.0, 0.0), **(plain | nuisances))


def a_scene(*things: Thing, pan=(0.0, 0.0)) -> Scene:
    return Scene(things, tuple(range(len(things))), family=3, pan=pan, seed=(0,))


@pytest.fixture
def still(monkeypatch):
    """A world without shake, sensor noise and light from a side."""
    for name in ("JITTER", "NOISE"):
        monkeypatch.setattr(render, name, 0.0)
    monkeypatch.setattr(render, "SLOPE", (0.0, 0.0))


# --- pixels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.03, 0.97)])
def test_a_shape_covers_its_closed_form_area_wherever_it_is(shape, centre):
    alpha, _ = render._paint(a_thing(shape, centre=centre), np.zeros((1, 2)), 128)
    assert alpha.sum() / 128**2 == pytest.approx(AREAS[shape] * 0.22**2, rel=0.02)


def test_textures_are_told_apart_by_their_dark_share():
    dark = {}
    for texture in TEXTURES:
        alpha, paint = render._paint(a_thing("square", texture), np.zeros((1, 2)), 128)
        red = paint[..., 0][alpha > 0.99] / COLOURS["red"][0]
        dark[texture] = (red < 0.5).mean()
    assert dark["plain"] == 0
    assert dark["dotted"] == pytest.approx(PI * 0.3**2, abs=0.06)
    assert dark["striped"] == pytest.approx(0.5, abs=0.08)
    assert dark["checked"] == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_thing_moves_its_way_and_wraps_round(still, motion):
    scene = a_scene(a_thing(motion=motion))
    clip = render.render(scene, 64, 12).astype(int)
    shown = np.abs(clip - render.render(a_scene(), 64, 12)).sum(-1)  # the thing alone, on a background that stands still
    dx, dy = MOTIONS[motion]
    for t in range(12):
        wanted = np.roll(shown[0] > 60, (4 * t * dy, 4 * t * dx), axis=(0, 1))
        assert ((shown[t] > 60) != wanted).mean() < 0.01  # the background behind the edge differs


def test_the_camera_moves_everything_alike(still):
    clip = render.render(a_scene(a_thing(speed=0.0), pan=(2 / 64, -1 / 64)), 64, 8).astype(int)
    for t in range(8):
        assert np.abs(clip[t] - np.roll(clip[0], (-t, 2 * t), axis=(0, 1))).max() <= 1


def test_light_and_grain_are_as_stated(monkeypatch):
    monkeypatch.setattr(render, "SLOPE", (0.4, 0.4))
    for family in range(20):
        clip = render.render(replace(a_scene(), family=family, seed=(family,)), 64, 4) / 255
        luma = clip.mean(-1)[0]
        ramp = np.linspace(-0.5, 0.5, 65)[:-1] + 1 / 128
        slope = np.hypot(*(np.tensordot(luma - luma.mean(), axis).sum() / 64 / (ramp**2).sum() for axis in _axes(ramp)))
        assert 0.15 < slope < 0.65  # 0.4 and what the grain adds by chance
        assert 0.3 < clip.mean() < 0.65
        assert np.ptp(clip.mean((0, 1, 2))) < 0.25  # tinted, never coloured


def _axes(ramp):
    # contracting the rows leaves the slope along them
    return (ramp[:, None] * np.ones((1, 64)) / 1.0)[None].reshape(1, 64, 64), None


# --- splits -------------------------------------------------------------------------------------------------------


def every_look():
    return [Look(*words) for words in product(SHAPES, TEXTURES, COLOURS, MOTIONS)]

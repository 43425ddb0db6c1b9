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
    alpha, _ = render.paint(a_thing(shape, centre=centre), np.zeros((1, 2)), 128)
    assert alpha.sum() / 128**2 == pytest.approx(AREAS[shape] * 0.22**2, rel=0.02)


def test_textures_are_told_apart_by_their_dark_share():
    dark = {}
    for texture in TEXTURES:
        alpha, paint = render.paint(a_thing("square", texture), np.zeros((1, 2)), 128)
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
    shown = np.abs(clip - render.render(a_scene(), 64, 12)).sum(
        -1
    )  # the thing alone, on a background that stands still
    dx, dy = MOTIONS[motion]
    for t in range(12):
        wanted = np.roll(shown[0] > 60, (4 * t * dy, 4 * t * dx), axis=(0, 1))
        assert ((shown[t] > 60) != wanted).mean() < 0.01  # the background behind the edge differs


def test_the_camera_moves_everything_alike(still):
    clip = render.render(a_scene(a_thing(speed=0.0), pan=(2 / 64, -1 / 64)), 64, 8).astype(int)
    for t in range(8):
        assert np.abs(clip[t] - np.roll(clip[0], (-t, 2 * t), axis=(0, 1))).max() <= 1


def test_light_falls_from_a_side_at_the_stated_slope(monkeypatch):
    monkeypatch.setattr(render, "SLOPE", (0.4, 0.4))
    monkeypatch.setattr(render, "CONTRAST", 1e-6)
    monkeypatch.setattr(render, "CHROMA", 1e-6)
    y, x = np.mgrid[:64, :64] / 64
    plane = np.stack([x.ravel(), y.ravel(), np.ones(64 * 64)], 1)
    for family in range(20):
        clip = render.render(replace(a_scene(), family=family, seed=(family,)), 64, 1)[0] / 255
        slope = np.linalg.lstsq(plane, clip.mean(-1).ravel(), rcond=None)[0][:2]
        assert np.hypot(*slope) == pytest.approx(0.4, abs=0.005)
        assert np.ptp(clip.mean((0, 1))) < 0.12  # tinted, never coloured


# --- splits -------------------------------------------------------------------------------------------------------


EVERY_LOOK = [Look(*words) for words in product(SHAPES, TEXTURES, COLOURS, MOTIONS)]


def test_groups_are_equal_and_spread_every_attribute():
    assert Counter(look.group for look in EVERY_LOOK) == dict.fromkeys(range(world.GROUPS), len(EVERY_LOOK) / 5)
    for texture, colour, motion in product(TEXTURES, COLOURS, MOTIONS):
        shapes = {
            look.group for look in EVERY_LOOK if (look.texture, look.colour, look.motion) == (texture, colour, motion)
        }
        assert len(shapes) == world.GROUPS  # each class and texture meets each group once


def test_splits_share_neither_combinations_nor_background_families():
    for one, other in (("train", "val"), ("train", "test"), ("val", "test"), ("train", "held_out")):
        assert not set(SPLIT_GROUPS[one]) & set(SPLIT_GROUPS[other])
        assert not set(world.SPLIT_FAMILIES[one]) & set(world.SPLIT_FAMILIES[other])


@pytest.mark.parametrize("split", ["train", "val", "test", "held_out"])
def test_scenes_stay_within_their_split(split):
    rng = np.random.default_rng(1)
    for i in range(200):
        look = world.sample_look(rng, split, colour=["purple"], motion=["up", "left"])
        assert (look.colour, look.motion in ("up", "left")) == ("purple", True)
        other = world.sample_other(rng, split, look)
        scene = world.sample_scene((7, i), split, (look, other))
        assert all(thing.look.group in SPLIT_GROUPS[split] for thing in scene.things)
        assert scene.family in world.SPLIT_FAMILIES[split]
        assert other.colour in world.COOL
        assert all(getattr(look, word) != getattr(other, word) for word in ("shape", "texture", "colour", "motion"))


def test_a_scene_is_a_function_of_its_seed():
    looks = (Look("disc", "plain", "red", "up"),)
    assert world.sample_scene((1, 2), "train", looks) == world.sample_scene((1, 2), "train", looks)
    assert world.sample_scene((1, 2), "train", looks) != world.sample_scene((1, 3), "train", looks)


# --- leaks --------------------------------------------------------------------------------------------------------


def test_place_and_nuisances_tell_nothing_of_the_motion_at_any_frame():
    clips = kinetics.plan(0, kinetics.KineticsMini(train=200, val=1, test=1))[:2400]
    for motion in MOTIONS:
        keys = [clip.scene.things[0] for clip in clips if clip.scene.looks[0].motion == motion]
        bound = 4.5 / np.sqrt(2 * len(keys))  # 4.5 standard errors of the mean of a cosine over uniform angles
        places = 2 * PI * np.stack([render.positions(key, 12) for key in keys])  # (clips, frames, 2)
        assert np.abs(np.cos(places).mean(0)).max() < bound
        assert np.abs(np.sin(places).mean(0)).max() < bound
        for name, (low, high) in {"speed": world.SPEED, "radius": world.RADIUS}.items():
            values = np.array([getattr(key, name) for key in keys])
            assert abs(values.mean() - (low + high) / 2) < 4.5 * (high - low) / np.sqrt(12 * len(keys))
        pans = np.array([clip.scene.pan for clip in clips if clip.scene.looks[0].motion == motion])
        assert np.abs(pans.mean(0)).max() < 4.5 * world.PAN / np.sqrt(3 * len(keys))

"""Waypoints: every one can be walked to, and what is blocked is none."""

import math

import numpy as np
import pytest

from internvideo_pl.heads.waypoints import MARGIN, free_ways, waypoints
from internvideo_pl.simulators.rooms.layout import draw_scene
from internvideo_pl.simulators.rooms.simulator import RoomsSimulator
from internvideo_pl.simulators.simulator import DIRECTIONS, FORWARD_STEP, TURN, Pose
from internvideo_pl.simulators.walk import Walk


def test_free_ways_equal_a_search_along_each():
    rng = np.random.default_rng(0)
    ranges, headings = rng.uniform(0.3, 6, DIRECTIONS), rng.uniform(-4, 4, 10)
    seen = [
        (r * math.cos(k * math.tau / DIRECTIONS), r * math.sin(k * math.tau / DIRECTIONS)) for k, r in enumerate(ranges)
    ]
    for heading, found in zip(headings, free_ways(ranges, headings), strict=True):
        walked = 0.0
        while walked < ranges.max():
            x, y = walked * math.cos(heading), walked * math.sin(heading)
            ahead = [p for p in seen if p[0] * math.cos(heading) + p[1] * math.sin(heading) > 0]
            if any(math.hypot(p[0] - x, p[1] - y) < MARGIN for p in ahead):
                break
            walked += 0.002
        assert found == pytest.approx(min(walked, ranges.max()), abs=0.005)


def test_a_view_gives_the_longer_of_its_ways():
    ranges = np.full(DIRECTIONS, 1.0)
    ranges[3:8] = 8.0  # an opening at 9 to 21 degrees to the left
    ways = waypoints(ranges, 0.0, 12, 3.0)
    assert ways.headings[0] % math.tau == pytest.approx(TURN)  # nearer to the first view's axis than to the second's
    assert ways.distances[0] == pytest.approx(0.75)  # its sides are too near for more than to the edge
    ranges[:12] = 8.0
    assert waypoints(ranges, 0.0, 12, 3.0).distances.max() == 3.0
    assert not waypoints(np.full(DIRECTIONS, 0.4), 0.0, 12, 3.0).open.any()


@pytest.mark.parametrize("heading", [0.0, 0.1, 3.0])
def test_waypoints_of_a_house_are_reached(heading):
    simulator = RoomsSimulator(draw_scene(np.random.default_rng(2)))
    count = 0
    for room in simulator.scene.rooms:
        start = np.array([room.centre[0], 0.0, room.centre[1]])
        if not simulator.is_free(start):
            continue
        ways = waypoints(simulator.ranges(start), heading, 12, 2.0)
        for angle, distance in zip(ways.headings[ways.open], ways.distances[ways.open], strict=True):
            walk = Walk(simulator, Pose(start, heading))
            walk.turn(angle)
            walk.forward(distance)
            assert walk.collisions == 0
            assert np.linalg.norm(walk.pose.position - start) == pytest.approx(distance, abs=1e-6)
            assert distance % FORWARD_STEP == pytest.approx(0.0, abs=1e-9)
            count += 1
    assert count > 40

"""The rooms: rendering against rays cast one at a time, moves, shortest walks, and the waypoints they give."""

import itertools
import json
import math

import numpy as np
import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.simulators.rooms.geometry import wall_pieces
from internvideo_pl.simulators.rooms.layout import draw_scene
from internvideo_pl.simulators.rooms.render import surfaces_of
from internvideo_pl.simulators.rooms.scene import ROOM_HEIGHT, Landmark, Room, Scene, read_scene
from internvideo_pl.simulators.rooms.simulator import RoomsSimulator
from internvideo_pl.simulators.simulator import (
    AGENT_RADIUS,
    DIRECTIONS,
    Action,
    Camera,
    Pose,
    ahead,
    heading_of,
    obstacle_ranges,
    rotation_of,
    turns_to,
)
from internvideo_pl.simulators.walk import Walk

BOX = Scene((Room("kitchen", 0.0, 0.0, 6.0, 4.0),), (), (Landmark("red", "pillar", 1.0, 1.0, 0.0, 0),))


def house(seed=3, **camera):
    return RoomsSimulator(draw_scene(np.random.default_rng(seed)), Camera(**{"size": 24, "depth_size": 96, **camera}))


def free_points(simulator, count, seed=0):
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        room = simulator.scene.rooms[rng.integers(len(simulator.scene.rooms))]
        point = np.array([rng.uniform(room.x0, room.x1), 0.0, rng.uniform(room.z0, room.z1)])
        if simulator.is_free(point):
            found.append(point)
    return np.stack(found)


def cast(scene, position, height, direction):
    """Distance along a direction (x, y, z), in its lengths, to the first surface: surface by surface."""
    best = math.inf
    if direction[1]:
        level = (0.0 if direction[1] < 0 else ROOM_HEIGHT) - height
        best = level / direction[1]
    shapes = surfaces_of(scene)
    for start, end, top in zip(shapes.start, shapes.end, shapes.height, strict=True):
        side = end - start
        matrix = np.array([[direction[0], -side[0]], [direction[2], -side[1]]])
        if abs(np.linalg.det(matrix)) < 1e-12:
            continue
        reach, share = np.linalg.solve(matrix, start - position[[0, 2]])
        if reach > 0 and 0 <= share <= 1 and 0 <= height + reach * direction[1] <= top:
            best = min(best, reach)
    return best


def test_depth_equals_single_rays():
    simulator = house()
    camera = simulator.camera
    for position in free_points(simulator, 3):
        views = simulator.depth(position)
        rng = np.random.default_rng(0)
        for view, row, column in zip(*(rng.integers(n, size=40) for n in (12, 96, 96)), strict=True):
            offset = [((i + 0.5) / 48 - 1) * math.tan(math.radians(camera.hfov) / 2) for i in (column, row)]
            heading = view * math.tau / 12
            right = np.array([math.cos(heading), 0.0, -math.sin(heading)])
            ray = ahead(heading) + offset[0] * right - [0, offset[1], 0]
            wanted = min(cast(simulator.scene, position, camera.height, ray), camera.far)
            assert views[view, row, column] == pytest.approx(wanted, abs=1e-4)


def test_ranges_equal_single_rays_and_those_of_depth_views():
    simulator = house()
    for position in free_points(simulator, 3):
        ranges = simulator.ranges(position)
        headings = np.arange(DIRECTIONS) * math.tau / DIRECTIONS
        wanted = [min(cast(simulator.scene, position, 1.25, ahead(heading)), 10.0) for heading in headings]
        assert ranges == pytest.approx(wanted, abs=1e-9)
        seen = obstacle_ranges(simulator.depth(position), simulator.camera)
        around = np.stack([np.roll(ranges, shift) for shift in (-1, 0, 1)])  # a direction of views is 3 degrees wide
        assert ((seen <= around.max(0) + 0.3) & (seen >= around.min(0) - 0.3)).mean() > 0.97


def test_colours_tell_rooms_and_landmarks():
    simulator = RoomsSimulator(BOX, Camera(views=4, size=48))
    views = simulator.rgb(np.array([1.0, 0.0, 3.0])).astype(int)  # the pillar is 2 m ahead, to the north
    red = (views[..., 0] > 100) & (views[..., 1] < 60)
    assert red[0, 24, 24]
    assert red[0].mean() > 0.1
    assert not red[1:].any()
    yellow = (views[..., 0] > 80) & (views[..., 1] > 70) & (views[..., 2] < 80)
    assert all(yellow[view, 24].mean() > 0.5 for view in (1, 2, 3))
    floor = simulator.rgb(np.array([3.0, 0.0, 2.0])).astype(int)[:, -1, 24]
    assert (np.abs(floor - floor.mean(0)) < 12).all()  # tiled, it looks alike all around


def test_what_is_ahead_is_in_the_middle_of_its_view_and_left_is_left():
    simulator = RoomsSimulator(BOX, Camera(views=8, size=48))
    views = simulator.rgb(np.array([3.0, 0.0, 1.0])).astype(int)  # the pillar is to the west: heading 90 degrees
    red = ((views[..., 0] > 100) & (views[..., 1] < 60))[:, 24].mean(axis=1)
    assert set(np.flatnonzero(red)) == {1, 2, 3}
    assert (views[2, 24, 22:26, 0] > 100).all()
    north_west = ((views[1, ..., 0] > 100) & (views[1, ..., 1] < 60)).mean(axis=0)
    assert north_west[:24].sum() > north_west[24:].sum()


def test_actions_move_and_turn_as_they_say():
    simulator, start = RoomsSimulator(BOX), Pose(np.array([3.0, 0.0, 3.0]), 0.0)
    pose, met = simulator.step(start, Action.FORWARD)
    assert (pose.position.tolist(), pose.heading, met) == ([3.0, 0.0, 2.75], 0.0, False)
    assert math.degrees(simulator.step(start, Action.LEFT)[0].heading) == pytest.approx(15)
    assert math.degrees(simulator.step(start, Action.RIGHT)[0].heading) == pytest.approx(-15)
    pose, met = simulator.step(start, Action.STOP)
    assert (pose.position.tolist(), pose.heading, met) == ([3.0, 0.0, 3.0], 0.0, False)
    assert turns_to(0.0, math.radians(-31)) == [Action.RIGHT] * 2
    assert turns_to(math.radians(170), math.radians(-170)) == [Action.LEFT]
    assert heading_of(rotation_of(1.2)) == pytest.approx(1.2)


@pytest.mark.parametrize("sliding", [True, False])
def test_a_wall_stops_or_guides(sliding):
    simulator = RoomsSimulator(BOX, sliding=sliding)
    start = Pose(np.array([3.0, 0.0, 0.2]), math.radians(45))  # to the north-west, a step away from the wall
    pose, met = simulator.step(start, Action.FORWARD)
    assert met
    x, _, z = pose.position
    assert z == pytest.approx(0.05 + AGENT_RADIUS, abs=1e-3)
    assert x == pytest.approx(3.0 - 0.25 * math.sin(math.radians(45)) if sliding else 2.95, abs=1e-3)


def test_nothing_that_an_agent_does_brings_it_into_a_wall():
    simulator = house(1)
    rng = np.random.default_rng(0)
    pose, collisions = Pose(free_points(simulator, 1)[0], 0.0), 0
    for action in rng.choice([1, 1, 1, 1, 2, 3], size=1500):
        before = pose.position
        pose, met = simulator.step(pose, Action(int(action)))
        collisions += met
        assert simulator.is_free(pose.position)
        assert np.linalg.norm(pose.position - before) <= 0.25 + 1e-9
    assert collisions > 50


def slow_distances(simulator, goal, spacing=0.1):
    """Dijkstra on a grid with steps to 16 neighbours."""
    import heapq

    x1, z1 = max(r.x1 for r in simulator.scene.rooms), max(r.z1 for r in simulator.scene.rooms)
    across, down = np.arange(0, x1, spacing), np.arange(0, z1, spacing)
    grid = np.stack(np.meshgrid(across, down, indexing="ij"), -1)
    open_ = ~simulator.edges.hold(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    steps = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if math.gcd(i, j) == 1]
    start = (round(goal[0] / spacing), round(goal[2] / spacing))
    done, queue = {}, [(0.0, start)]
    while queue:
        cost, cell = heapq.heappop(queue)
        if cell in done:
            continue
        done[cell] = cost
        for i, j in steps:
            there = (cell[0] + i, cell[1] + j)
            if there not in done and min(there) >= 0 and all(np.less(there, open_.shape)) and open_[there]:
                heapq.heappush(queue, (cost + spacing * math.hypot(i, j), there))
    return done


def test_distances_agree_with_a_search_on_a_grid():
    simulator = house(5)
    goal = free_points(simulator, 1, seed=4)[0].round(1)
    grid = slow_distances(simulator, goal)
    points = [point.round(1) for point in free_points(simulator, 60)]
    points = np.stack([point for point in points if simulator.is_free(point)])
    found = simulator.distances(points, goal)
    wanted = np.array([grid[round(point[0] / 0.1), round(point[2] / 0.1)] for point in points])
    assert np.isfinite(found).all()
    assert (found <= wanted + 0.35).all()  # bends keep 8 cm from the corners
    assert (found >= wanted * 0.96 - 0.15).all()  # the grid's ways are up to 2.7 % long


def test_distances_obey_geometry():
    simulator = house(7)
    points = free_points(simulator, 20)
    table = np.stack([simulator.distances(points, goal) for goal in points])
    assert np.allclose(table, table.T, atol=1e-9)
    assert np.allclose(np.diag(table), 0)
    assert (table >= np.linalg.norm(points[:, None] - points[None], axis=-1) - 1e-9).all()
    assert (table[:, :, None] <= table[:, None, :] + table.T[None, :, :] + 0.2).all()  # bends
    route = simulator.ways.route((points[0, 0], points[0, 2]), (points[1, 0], points[1, 2]))
    length = sum(math.dist(a, b) for a, b in itertools.pairwise(route))
    assert length == pytest.approx(table[0, 1])


def test_walks_reach_what_is_reachable():
    simulator = house(9)
    points = free_points(simulator, 6)
    for start, goal in itertools.pairwise(points):
        walk = Walk(simulator, Pose(start, 0.0))
        route = simulator.ways.route((start[0], start[2]), (goal[0], goal[2]))
        walk.along([np.array([x, 0.0, z]) for x, z in route[1:]])
        assert np.linalg.norm(walk.pose.position - goal) < 0.25
        assert len(walk.poses) == len(walk.actions) + 1


def test_a_walk_ends_at_its_limit_and_after_stop():
    simulator, start = RoomsSimulator(BOX), Pose(np.array([3.0, 0.0, 3.0]), 0.0)
    walk = Walk(simulator, start, limit=3)
    for _ in range(5):
        walk.act(Action.LEFT)
    assert (len(walk.actions), walk.over, walk.stopped) == (3, True, False)
    walk = Walk(simulator, start)
    walk.act(Action.STOP)
    assert not walk.act(Action.FORWARD)
    assert (len(walk.actions), walk.stopped) == (1, True)


@pytest.mark.parametrize("seed", range(4))
def test_houses_are_whole(seed):
    scene = draw_scene(np.random.default_rng(seed))
    simulator = RoomsSimulator(scene)
    middles = np.array([[(d.x), 0.0, d.z] for d in scene.doors])
    assert all(simulator.is_free(middle) for middle in middles)
    assert np.isfinite(simulator.distances(middles, middles[0])).all()
    assert len({room.name for room in scene.rooms}) == len(scene.rooms)
    assert len({mark.words for mark in scene.landmarks}) == len(scene.landmarks)
    assert all(scene.rooms[mark.room].holds(mark.x, mark.z) for mark in scene.landmarks)
    boxes = [tuple(round(v, 6) for v in (p.x0, p.z0, p.x1, p.z1)) for p in wall_pieces(scene)]
    assert len(set(boxes)) == len(boxes)


def test_an_agent_cannot_be_put_into_a_wall():
    with pytest.raises(UserError, match="cannot stand"):
        Walk(RoomsSimulator(BOX), Pose(np.array([0.0, 0.0, 2.0]), 0.0))


def test_scenes_are_read_as_they_were_written(tmp_path):
    scene = draw_scene(np.random.default_rng(0))
    scene.write(tmp_path / "a.json")
    assert read_scene(tmp_path / "a.json") == scene
    plain = json.loads((tmp_path / "a.json").read_text())
    plain["rooms"][1]["name"] = "cellar"
    (tmp_path / "b.json").write_text(json.dumps(plain))
    with pytest.raises(UserError, match=r"b.json, rooms\[1\]: there is no 'cellar'"):
        read_scene(tmp_path / "b.json")
    for content in ("[]", "{", json.dumps({**plain, "doors": [{"x": 1}]}), json.dumps({**plain, "doors": ["x"]})):
        (tmp_path / "c.json").write_text(content)
        with pytest.raises(UserError, match=r"c\.json"):
            read_scene(tmp_path / "c.json")

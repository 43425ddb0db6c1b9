"""The miniature in the layout of R2R-CE: houses of our own simulator, gzipped episodes, instructions and ground truth.

As in the real set, val_seen has new routes through training houses and val_unseen houses of its own; every route is
described by several instructions, and the test split hides its goals.
"""

import gzip
import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.directions import describe, vocabulary, way_between, words_of
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.simulators.rooms.layout import draw_scene
from internvideo_pl.simulators.rooms.scene import KINDS, Landmark
from internvideo_pl.simulators.rooms.simulator import RoomsSimulator
from internvideo_pl.simulators.simulator import Action, Pose, Position, rotation_of
from internvideo_pl.simulators.walk import Walk

FOLDER, SCENES = "R2R_VLNCE_v1-3_preprocessed", "scene_datasets"
TOKENS = 200  # numbers of an instruction, padded, as in the official files
RADIUS = 3.0
BESIDE = 0.6  # metres from a landmark's side to the goal
SPACING = 2.2  # metres between two points of a reference path, about those of the real set
SPLITS = ("train", "val_seen", "val_unseen", "test")


@dataclass(frozen=True, kw_only=True)
class R2RMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        scenes: Houses of the training split.
        unseen: Houses of val_unseen, and as many again of test.
        routes: Of each house; a third as many in val_seen.
        instructions: Of each route.
        rooms: Fewest rooms of a route, at least 2.
    """

    scenes: int = 12
    unseen: int = 6
    routes: int = 12
    instructions: int = 2
    rooms: int = 3


@dataclass(frozen=True)
class Route:
    """A way from somewhere to a landmark, walked once on the shortest path."""

    start: Position
    heading: float
    goal: Position
    shortest: float
    bends: list[Position]
    walk: Walk
    instructions: list[str]


def plan(seed: int, options: R2RMini) -> list[MiniClip]:
    """No video: what an agent sees is rendered while it walks."""
    return []


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: R2RMini) -> None:
    """Writes the houses, and each split's episodes with their ground truth."""
    houses = {f"t{i:03d}": "train" for i in range(options.scenes)}
    houses |= {f"u{i:03d}": "val_unseen" for i in range(options.unseen)}
    houses |= {f"x{i:03d}": "test" for i in range(options.unseen)}
    found: dict[str, list[tuple[str, Route]]] = {split: [] for split in SPLITS}
    for number, (name, split) in enumerate(houses.items()):
        rng = np.random.default_rng((seed, number))
        scene = draw_scene(rng)
        place = folder / SCENES / "rooms" / name
        place.mkdir(parents=True)
        scene.write(place / f"{name}.json")
        simulator = RoomsSimulator(scene)
        found[split] += [(name, _draw_route(rng, simulator, options)) for _ in range(options.routes)]
        if split == "train":
            more = max(options.routes // 3, 1)
            found["val_seen"] += [(name, _draw_route(rng, simulator, options)) for _ in range(more)]
    words = vocabulary([said for _, route in found["train"] for said in route.instructions])
    for split, routes in found.items():
        _write(folder / FOLDER / split, split, routes, words)


def _draw_route(rng: np.random.Generator, simulator: RoomsSimulator, options: R2RMini) -> Route:
    """A random start, and a goal at least `options.rooms` rooms on."""
    scene = simulator.scene
    ways = [way_between(scene, i, j) for i in range(len(scene.rooms)) for j in range(len(scene.rooms)) if i != j]
    longest = max(len(way.rooms) for way in ways)
    ways = [way for way in ways if min(options.rooms, longest) <= len(way.rooms) <= options.rooms + 1]
    way = ways[int(rng.integers(len(ways)))]
    start = _free_point(rng, simulator, way.rooms[0])
    goal = _beside(simulator, scene.landmarks[way.rooms[-1]], way.doors[-1].x, way.doors[-1].z)
    bends = simulator.ways.route((start[0], start[2]), (goal[0], goal[2]))
    points = [np.array([x, 0.0, z]) for x, z in bends]
    heading = float(rng.integers(24)) * math.pi / 12
    walk = Walk(simulator, Pose(start, heading))
    walk.along(points[1:])
    walk.act(Action.STOP)
    shortest = float(simulator.distances(start[None], goal)[0])
    said = [describe(rng, scene, way) for _ in range(options.instructions)]
    return Route(start, heading, goal, shortest, points, walk, said)


def _free_point(rng: np.random.Generator, simulator: RoomsSimulator, number: int) -> Position:
    room = simulator.scene.rooms[number]
    while True:
        x, z = rng.uniform(room.x0 + 0.5, room.x1 - 0.5), rng.uniform(room.z0 + 0.5, room.z1 - 0.5)
        point = np.array([round(float(x), 3), 0.0, round(float(z), 3)])
        if simulator.is_free(point):
            return point


def _beside(simulator: RoomsSimulator, mark: Landmark, x: float, z: float) -> Position:
    """A free point beside a landmark, on the side of (x, z) if there is one there."""
    reach = KINDS[mark.kind][1] + BESIDE
    toward = math.atan2(z - mark.z, x - mark.x)
    for step in range(12):
        angle = toward + (step + 1) // 2 * (-1) ** step * math.pi / 6
        point = np.array([mark.x + reach * math.cos(angle), 0.0, mark.z + reach * math.sin(angle)]).round(3)
        if simulator.is_free(point) and simulator.scene.room_at(point[0], point[2]) == mark.room:
            return point
    raise AssertionError(f"no room beside {mark.words}")


def _write(folder: Path, split: str, routes: list[tuple[str, Route]], words: list[str]) -> None:
    """The split's two files; test has no ground truth."""
    numbers = {word: i for i, word in enumerate(words)}
    episodes: list[dict[str, Any]] = []
    truth: dict[str, Any] = {}
    for trajectory, (name, route) in enumerate(routes, start=1):
        for said in route.instructions:
            key = len(episodes) + 1
            episodes.append(_entry(key, trajectory, name, route, said, numbers, hidden=split == "test"))
            truth[str(key)] = {
                "locations": [_plain(pose.position) for pose in _moves(route.walk)],
                "forward_steps": route.walk.actions.count(Action.FORWARD),
                "actions": [int(action) for action in route.walk.actions],
            }
    lexicon = {
        "word_list": words,
        "word2idx_dict": numbers,
        "stoi": numbers,
        "itos": words,
        "num_vocab": len(words),
        "UNK_INDEX": 1,
        "PAD_INDEX": 0,
    }
    folder.mkdir(parents=True)
    _write_gzip(folder / f"{split}.json.gz", {"episodes": episodes, "instruction_vocab": lexicon})
    if split != "test":
        _write_gzip(folder / f"{split}_gt.json.gz", truth)


def _moves(walk: Walk) -> list[Any]:
    """The first pose and those after forward actions, as the official ground truth has them."""
    return [
        walk.poses[0],
        *(pose for pose, did in zip(walk.poses[1:], walk.actions, strict=True) if did is Action.FORWARD),
    ]


def _entry(
    key: int, trajectory: int, name: str, route: Route, said: str, numbers: dict[str, int], hidden: bool
) -> dict[str, Any]:
    tokens = [numbers.get(word, 1) for word in words_of(said)][:TOKENS]
    entry = {
        "episode_id": key,
        "trajectory_id": trajectory,
        "scene_id": f"rooms/{name}/{name}.json",
        "start_position": _plain(route.start),
        "start_rotation": list(rotation_of(route.heading)),
        "info": {"geodesic_distance": route.shortest},
        "goals": [{"position": _plain(route.goal), "radius": RADIUS}],
        "instruction": {"instruction_text": said, "instruction_tokens": tokens + [0] * (TOKENS - len(tokens))},
        "reference_path": [_plain(point) for point in _spaced(route.bends)],
    }
    return {key: value for key, value in entry.items() if not (hidden and key in ("info", "goals", "reference_path"))}


def _spaced(bends: list[Position]) -> list[Position]:
    """Points along a route, `SPACING` apart or less."""
    points = [bends[0]]
    for start, end in pairwise(bends):
        parts = max(math.ceil(float(np.linalg.norm(end - start)) / SPACING), 1)
        points += [start + (end - start) * part / parts for part in range(1, parts + 1)]
    return points


def _plain(position: Position) -> list[float]:
    return [round(float(value), 6) for value in position]


def _write_gzip(path: Path, content: Any) -> None:
    """Without the time of writing, so that the same miniature has the same bytes."""
    path.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))

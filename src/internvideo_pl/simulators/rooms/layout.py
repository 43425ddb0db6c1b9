"""Houses drawn at random: a grid of rooms, a door to each from another, a landmark in each."""

import math

import numpy as np

from internvideo_pl.simulators.rooms.scene import COLOURS, KINDS, ROOMS, Door, Landmark, Room, Scene

ROWS, COLUMNS = 2, 3
SIDES = (4.0, 5.5)  # of a room, in metres
DOOR_WIDTHS = (1.2, 1.6)
MORE_DOORS = 0.3  # share of the walls between rooms that get a door although there is another way
FROM_CORNER = 0.5  # least metres of wall beside a door
CLEAR_OF_DOORS = 1.3  # least metres between a landmark and the middle of a door


def draw_scene(rng: np.random.Generator) -> Scene:
    """A house of `ROWS` times `COLUMNS` rooms; no two have one name, no two landmarks the same words."""
    across = np.concatenate([[0.0], rng.uniform(*SIDES, COLUMNS).cumsum()]).round(2)
    down = np.concatenate([[0.0], rng.uniform(*SIDES, ROWS).cumsum()]).round(2)
    names = rng.permutation(list(ROOMS))[: ROWS * COLUMNS]
    rooms = tuple(
        Room(
            str(names[row * COLUMNS + column]),
            *map(float, (across[column], down[row], across[column + 1], down[row + 1])),
        )
        for row in range(ROWS)
        for column in range(COLUMNS)
    )
    doors = _doors(rng, rooms)
    words = [(colour, kind) for colour in COLOURS for kind in KINDS]
    chosen = rng.permutation(len(words))[: len(rooms)]
    landmarks = tuple(_landmark(rng, rooms, doors, i, *words[chosen[i]]) for i in range(len(rooms)))
    return Scene(rooms, doors, landmarks)


def _doors(rng: np.random.Generator, rooms: tuple[Room, ...]) -> tuple[Door, ...]:
    """Enough doors that every room can be reached, and a few more."""
    walls = [(i, i + 1) for i in range(len(rooms)) if (i + 1) % COLUMNS]
    walls += [(i, i + COLUMNS) for i in range(len(rooms) - COLUMNS)]
    group = list(range(len(rooms)))
    doors = []
    for number in rng.permutation(len(walls)):
        first, second = walls[number]
        needed = group[first] != group[second]
        if needed or rng.random() < MORE_DOORS:
            doors.append(_door(rng, rooms, first, second))
            group = [group[first] if part == group[second] else part for part in group]
    return tuple(doors)


def _door(rng: np.random.Generator, rooms: tuple[Room, ...], first: int, second: int) -> Door:
    room, width = rooms[first], round(float(rng.uniform(*DOOR_WIDTHS)), 2)
    free = width / 2 + FROM_CORNER
    if second == first + 1:
        return Door(room.x1, round(float(rng.uniform(room.z0 + free, room.z1 - free)), 2), width, "z", (first, second))
    return Door(round(float(rng.uniform(room.x0 + free, room.x1 - free)), 2), room.z1, width, "x", (first, second))


def _landmark(
    rng: np.random.Generator, rooms: tuple[Room, ...], doors: tuple[Door, ...], number: int, colour: str, kind: str
) -> Landmark:
    """Near a wall of its room, with room for an agent all around it, and not in front of a door."""
    room, own = rooms[number], [door for door in doors if number in door.rooms]
    gap = KINDS[kind][1] + 0.5
    best: tuple[float, float, float] = (-math.inf, *room.centre)
    for _ in range(40):
        x, z = float(rng.uniform(room.x0 + gap, room.x1 - gap)), float(rng.uniform(room.z0 + gap, room.z1 - gap))
        free = min((math.hypot(door.x - x, door.z - z) for door in own), default=math.inf)
        from_middle = math.hypot(x - room.centre[0], z - room.centre[1])
        best = max(best, (from_middle if free >= CLEAR_OF_DOORS else free - 100.0, x, z))
    return Landmark(
        colour, kind, round(best[1], 2), round(best[2], 2), round(float(rng.uniform(0, math.pi)), 3), number
    )

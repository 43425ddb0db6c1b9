"""What a person would say of a way through a house: which rooms, which turns, beside which landmark to stop."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from internvideo_pl.simulators.rooms.scene import Door, Scene

STRAIGHT_ON = math.radians(35)  # a change of direction below it is none


@dataclass(frozen=True)
class Way:
    """A way through a house.

    Attributes:
        rooms: Numbers of the rooms, first to last.
        doors: Between them, in order.
    """

    rooms: tuple[int, ...]
    doors: tuple[Door, ...]


def way_between(scene: Scene, start: int, end: int) -> Way:
    """The way through the fewest doors; every room of a generated house can be reached."""
    before: dict[int, int] = {start: start}
    queue = [start]
    for room in queue:
        for beyond in scene.doors_of(room):
            if beyond not in before:
                before[beyond] = room
                queue.append(beyond)
    rooms = [end]
    while rooms[-1] != start:
        rooms.append(before[rooms[-1]])
    rooms.reverse()
    doors = tuple(scene.doors_of(here)[beyond] for here, beyond in pairwise(rooms))
    return Way(tuple(rooms), doors)


def describe(rng: np.random.Generator, scene: Scene, way: Way) -> str:
    """An instruction in one of several wordings; the turn in a room is named where the way bends."""
    names = [scene.rooms[room].name for room in way.rooms]
    parts = [
        _pick(
            rng, "Leave the {0} and go into the {1}.", "Walk out of the {0} into the {1}.", "Exit the {0} to the {1}."
        ).format(*names)
    ]
    for number, (here, there) in enumerate(pairwise(names[1:]), start=1):
        turn = turn_in(way, number)
        first = _pick(rng, "", f"In the {here}, ") if turn else ""
        words = f"{turn} and " if turn and first else ""
        walk = _pick(rng, "walk into the {0}.", "enter the {0}.", "go to the {0}.").format(there)
        sentence = first + words + walk
        parts.append(sentence[0].upper() + sentence[1:])
    mark = scene.landmarks[way.rooms[-1]]
    parts.append(_pick(rng, "Stop next to the {0}.", "Wait by the {0}.", "Stop at the {0}.").format(mark.words))
    return " ".join(parts)


def turn_in(way: Way, number: int) -> str:
    """How the way bends in its `number`-th room, entered by one door and left by the next: "" for straight on."""
    entered, left = way.doors[number - 1], way.doors[number]
    came, goes = _through(entered, way.rooms[number - 1]), _heading(entered, left)
    change = (goes - came + math.pi) % (2 * math.pi) - math.pi
    return "" if abs(change) < STRAIGHT_ON else "turn left" if change > 0 else "turn right"


def _through(door: Door, before: int) -> float:
    """The heading at which a door is passed from the room `before` it; headings grow to the left."""
    back = door.rooms[0] != before  # the first of a door's rooms has the smaller x or z
    if door.along == "z":
        return math.pi / 2 if back else -math.pi / 2
    return 0.0 if back else math.pi


def _heading(start: Door, end: Door) -> float:
    return math.atan2(-(end.x - start.x), -(end.z - start.z))


def _pick(rng: np.random.Generator, *choices: str) -> str:
    return choices[int(rng.integers(len(choices)))]


def vocabulary(instructions: Sequence[str]) -> list[str]:
    """The words of instructions as the official file lists them: <pad>, <unk>, then in alphabetical order."""
    return ["<pad>", "<unk>", *sorted({word for said in instructions for word in words_of(said)})]


def words_of(instruction: str) -> list[str]:
    """Lower-cased words, full stops and commas apart."""
    return instruction.lower().replace(".", " . ").replace(",", " , ").split()

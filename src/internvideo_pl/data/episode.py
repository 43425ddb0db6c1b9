"""An episode of navigation: where an agent starts, what it is told, where it should end."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.simulators.simulator import heading_of

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Episode:
    """One entry of an official list, with its ground truth.

    Attributes:
        key: `episode_id`.
        trajectory: `trajectory_id`; episodes of one trajectory differ in their instructions.
        scene: `scene_id`, a path below the folder of scenes.
        start: Where the agent starts, in the simulator's frame.
        rotation: Its quaternion (x, y, z, w).
        instruction: What it is told.
        tokens: The words' numbers in the official vocabulary, padding left out.
        goal: Where it should stop; None where that is hidden (the test split).
        radius: Of the goal, in metres.
        shortest: Geodesic distance from start to goal in metres; None where that is hidden.
        reference: The points of the route that was described.
        locations: Ground truth: where an agent was after each action on the shortest route.
        actions: Ground truth: those actions.
    """

    key: str
    trajectory: str
    scene: str
    start: Point
    rotation: tuple[float, float, float, float]
    instruction: str
    tokens: tuple[int, ...] = ()
    goal: Point | None = None
    radius: float = 3.0
    shortest: float | None = None
    reference: tuple[Point, ...] = ()
    locations: tuple[Point, ...] = ()
    actions: tuple[int, ...] = ()

    @property
    def heading(self) -> float:
        """The heading of the start, in radians."""
        return heading_of(self.rotation)

    @property
    def truth(self) -> NDArray[np.float64]:
        """The path to be like, (M, 3): the ground truth's locations, or the reference where there is none."""
        return np.array(self.locations or self.reference, dtype=np.float64)

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Episode":
        """What `to_plain` gave, also after JSON has made lists of its tuples."""
        return cls(**{key: _tuples(value) for key, value in plain.items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value

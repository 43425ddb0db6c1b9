"""What frozen encoders make of panoramas, kept where the same is looked at again.

Shapes: V views, T pictures of a clip, S pixels of a side, F features.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from internvideo_pl.heads.navigate import NavigationAgent
from internvideo_pl.simulators.simulator import Position, Simulator

CLIPS_AT_ONCE = 96
Key = tuple[str, tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Look:
    """A panorama that is asked for.

    Attributes:
        scene: Its file.
        simulator: Of the scene.
        positions: Where the agent was on the way, T of them, where it is last.
    """

    scene: str
    simulator: Simulator
    positions: tuple[tuple[float, float, float], ...]


class Panoramas:
    """Features of panoramas.

    Args:
        agent: Its encoders see.
        grid: Metres between viewpoints; 0 for none.
        budget: Bytes of features that are kept, of viewpoints on the grid alone.
    """

    def __init__(self, agent: NavigationAgent, grid: float, budget: float):
        self.agent = agent
        self.grid = grid
        self.budget = budget if grid else 0.0
        self.kept: OrderedDict[Key, Tensor] = OrderedDict()
        self.bytes = 0

    def viewpoint(self, simulator: Simulator, position: Position) -> tuple[float, float, float]:
        """From where the agent is taken to see: the nearest point of the grid that it could walk to straight."""
        x, y, z = (float(value) for value in position)
        if self.grid:
            low = np.floor(np.array([x, z]) / self.grid)
            corners = (low + np.array([(0, 0), (0, 1), (1, 0), (1, 1)])) * self.grid
            for i in np.linalg.norm(corners - [x, z], axis=1).argsort():
                there = np.array([corners[i, 0], y, corners[i, 1]])
                if simulator.is_straight(position, there):
                    return float(there[0]), y, float(there[2])
        return x, y, z

    def features(self, looks: list[Look], device: torch.device) -> list[Tensor]:
        """Features (V, F) of each panorama, those not kept all encoded together."""
        keys: list[Key] = [(look.scene, look.positions) for look in looks]
        new = {key: look for key, look in zip(keys, looks, strict=True) if key not in self.kept}
        found = {key: self.kept[key] for key in keys if key in self.kept}
        found |= dict(zip(new, self._encode(list(new.values()), device), strict=True))
        for key, value in found.items():
            self._keep(key, value)
        return [found[key] for key in keys]

    def _encode(self, looks: list[Look], device: torch.device) -> list[Tensor]:
        if not looks:
            return []
        clips = []
        for look in looks:
            pictures = {place: look.simulator.rgb(np.array(place)) for place in set(look.positions)}
            clips.append(np.stack([pictures[place] for place in look.positions], axis=1))  # (V, T, S, S, 3)
        views = len(clips[0])
        pixels = torch.from_numpy(np.concatenate(clips))
        seen = torch.cat([self.agent.see(part.to(device)) for part in pixels.split(CLIPS_AT_ONCE)])
        return list(seen.split(views))

    def _keep(self, key: Key, value: Tensor) -> None:
        """As the newest; the oldest go when there is no more room."""
        if key in self.kept:
            self.kept.move_to_end(key)
            return
        size = value.numel() * value.element_size()
        if size > self.budget:
            return
        self.kept[key] = value.clone()  # not a view of a whole batch
        self.bytes += size
        while self.bytes > self.budget:
            _, oldest = self.kept.popitem(last=False)
            self.bytes -= oldest.numel() * oldest.element_size()

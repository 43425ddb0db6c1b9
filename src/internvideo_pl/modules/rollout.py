"""Episodes acted out, many at a time: what an agent sees, decides and does, and what an oracle would have done.

Shapes: E episodes, B decisions, L words, W width of the text tower, V views, F features of a view, R directions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.data.episode import Episode
from internvideo_pl.heads.navigate import GEOMETRY, Decision, NavigationAgent, direction, stack
from internvideo_pl.heads.waypoints import Waypoints, waypoints
from internvideo_pl.metrics.paths import without_repeats
from internvideo_pl.modules.panorama import Look, Panoramas
from internvideo_pl.objectives.navigate import ImitationConfig, oracle_choice
from internvideo_pl.simulators.simulator import Action, Pose, Simulator, ahead
from internvideo_pl.simulators.walk import Walk
from internvideo_pl.text.tokenizer import ClipTokenizer


@dataclass
class Run:
    """One episode that is being acted out.

    Attributes:
        episode: What is to be done.
        scene: The scene's file.
        simulator: Of the scene.
        walk: What was done.
        rng: For what is drawn on the way.
        past: Features (F,) of the views walked into, and the directions of the ways.
    """

    episode: Episode
    scene: str
    simulator: Simulator
    walk: Walk
    rng: np.random.Generator
    past: list[tuple[Tensor, list[float]]] = field(default_factory=list)

    @property
    def decisions(self) -> int:
        """How often the agent has decided."""
        return len(self.walk.ends)

    @property
    def verdict(self) -> str:
        """What became of it, in a few words."""
        if self.episode.goal is None:
            return "goal hidden"
        goal = np.array(self.episode.goal)
        left = float(self.simulator.distances(self.walk.pose.position[None], goal)[0])
        ended = "stopped" if self.walk.stopped else "was cut off"
        return f"{ended} {left:.1f} m from the goal"


@dataclass(frozen=True)
class Lesson:
    """What episodes teach: words (E, L, W), their mask (E, L), B decisions and the oracle's choices (B,)."""

    words: Tensor
    word_mask: Tensor
    decision: Decision
    choice: Tensor


def begin(episode: Episode, scene: str, simulator: Simulator, seed: int, limit: int) -> Run:
    """An episode at its start."""
    walk = Walk(simulator, Pose(np.array(episode.start), episode.heading), limit)
    return Run(episode, scene, simulator, walk, np.random.default_rng(seed))


class Rollouts:
    """Acts out episodes.

    Args:
        agent: Sees, reads and decides.
        tokenizer: Of its text tower.
        config: Lengths, and the oracle's rule.
        views: V.
        pictures: Of each view along the last way, which make its clip.
        grid: Metres between viewpoints whose features are kept; 0 for none.
    """

    def __init__(
        self,
        agent: NavigationAgent,
        tokenizer: ClipTokenizer,
        config: ImitationConfig,
        views: int,
        pictures: int,
        grid: float,
    ):
        self.agent = agent
        self.tokenizer = tokenizer
        self.config = config
        self.views = views
        self.pictures = pictures
        self.panoramas = Panoramas(agent, grid, config.cache_gb * 2**30)

    def teach(self, runs: Sequence[Run], trust: float, success: float) -> Lesson:
        """Act out episodes, following the oracle with probability `trust` at each decision, else the agent itself.

        The last of `train_decisions` is to stop, whatever was chosen.

        Args:
            runs: E episodes at their starts; they are at their ends afterwards.
            trust: Between 0 and 1.
            success: Distance in metres at which stopping succeeds.
        """
        words, mask = self.hear([run.episode.instruction for run in runs])
        decisions, choices = [], []
        limit = self.config.train_decisions
        for active, decision, ways in self._rounds(runs, limit):
            decisions.append(decision)
            wanted = [self._oracle(runs[i], way, success) for i, way in zip(active, ways, strict=True)]
            choices += wanted
            own = [runs[i].rng.random() >= trust for i in active]
            taken = self._preferred(decision, words, mask) if any(own) else wanted
            picked = [mine if is_own else given for mine, given, is_own in zip(taken, wanted, own, strict=True)]
            last = [runs[i].decisions + 1 >= limit for i in active]
            picked = [self.views if is_last else choice for choice, is_last in zip(picked, last, strict=True)]
            self._act(runs, active, decision, ways, picked)
        return Lesson(words, mask, stack(decisions), torch.tensor(choices, device=words.device))

    @torch.no_grad()
    def follow(self, runs: Sequence[Run]) -> None:
        """Act out episodes to their ends, always taking what the agent likes best.

        After `max_decisions` an episode is over, whether or not the last one was to stop.
        """
        words, mask = self.hear([run.episode.instruction for run in runs])
        text = self.agent.head.read(words, mask)
        for active, decision, ways in self._rounds(runs, self.config.max_decisions):
            scores = self.agent.head(decision, text, mask)
            self._act(runs, active, decision, ways, scores.argmax(-1).tolist())

    def hear(self, sentences: list[str]) -> tuple[Tensor, Tensor]:
        """The text tower's features of every word (E, L, W) and which are words (E, L).

        A sentence that is longer than the tower's context is read in consecutive stretches.
        """
        room = self.tokenizer.context_length - 2
        stretches, owners = [], []
        for number, sentence in enumerate(sentences):
            ids = self.tokenizer.encode(sentence)[: self.config.max_words]
            for start in range(0, max(len(ids), 1), room):
                stretches.append([self.tokenizer.sot, *ids[start : start + room], self.tokenizer.eot])
                owners.append(number)
        device = next(self.agent.head.parameters()).device
        padded = torch.zeros(len(stretches), max(map(len, stretches)), dtype=torch.int64)
        for row, ids in zip(padded, stretches, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        heard = self.agent.hear(padded.to(device))
        parts: list[list[Tensor]] = [[] for _ in sentences]
        for owner, ids, tokens in zip(owners, stretches, heard, strict=True):
            parts[owner].append(tokens[1 : len(ids)])  # without the start, which is always the same
        words = torch.nn.utils.rnn.pad_sequence([torch.cat(part) for part in parts], batch_first=True)
        lengths = torch.tensor([sum(map(len, part)) for part in parts], device=device)
        return words, torch.arange(words.shape[1], device=device) < lengths[:, None]

    def _rounds(self, runs: Sequence[Run], limit: int) -> Iterator[tuple[list[int], Decision, list[Waypoints]]]:
        """(numbers of the runs that go on, their decision, their waypoints), until all are over; the caller acts.

        A run is over where its walk is, or after `limit` decisions.
        """
        while active := [i for i, run in enumerate(runs) if not run.walk.over and run.decisions < limit]:
            ways, ranges = [], []
            for i in active:
                run = runs[i]
                ranges.append(run.simulator.ranges(run.walk.pose.position))
                ways.append(waypoints(ranges[-1], run.walk.pose.heading, self.views, self.config.hop))
            yield active, self._decision(runs, active, ways, ranges), ways

    def _decision(
        self, runs: Sequence[Run], active: list[int], ways: list[Waypoints], ranges: list[NDArray[np.float64]]
    ) -> Decision:
        device = next(self.agent.head.parameters()).device
        looks = [self._look(runs[i]) for i in active]
        seen = self.panoramas.features(looks, device)
        parts = []
        for i, way, reach, features in zip(active, ways, ranges, seen, strict=True):
            run = runs[i]
            depth = torch.from_numpy(depths(reach, self.views)).to(features)
            heading = run.walk.pose.heading
            toward = [
                direction(angle - heading, distance, bool(distance))
                for angle, distance in zip(way.headings, way.distances, strict=True)
            ]
            views = torch.cat([features, depth], dim=1)
            past = torch.stack([view for view, _ in run.past]) if run.past else views.new_zeros(0, views.shape[1])
            parts.append(
                Decision(
                    episode=torch.tensor([i], device=device),
                    views=views[None],
                    directions=views.new_tensor(toward)[None],
                    open=torch.from_numpy(way.open).to(device)[None],
                    past=past[None],
                    past_directions=views.new_tensor([there for _, there in run.past]).reshape(1, -1, GEOMETRY),
                    past_mask=torch.ones(1, len(run.past), dtype=torch.bool, device=device),
                )
            )
        return stack(parts)

    def _look(self, run: Run) -> Look:
        """Where the agent has been on the way here, as viewpoints, the first held still where there are too few."""
        path = without_repeats(run.walk.positions)[-self.pictures :]  # turns show nothing new
        places = [self.panoramas.viewpoint(run.simulator, position) for position in path]
        places = [places[0]] * (self.pictures - len(places)) + places
        return Look(run.scene, run.simulator, tuple(places))

    def _oracle(self, run: Run, way: Waypoints, success: float) -> int:
        assert run.episode.goal is not None, "training episodes have goals"
        here = run.walk.pose.position
        ends = here[None] + way.distances[:, None] * ahead(way.headings)
        left = run.simulator.distances(np.concatenate([here[None], ends]), np.array(run.episode.goal))
        return oracle_choice(way, float(left[0]), left[1:], self.config.stop_within, success)

    @torch.no_grad()
    def _preferred(self, decision: Decision, words: Tensor, mask: Tensor) -> list[int]:
        """What the agent likes best at each decision."""
        scores: Tensor = self.agent.head(decision, self.agent.head.read(words, mask), mask)
        return scores.argmax(-1).tolist()

    def _act(
        self, runs: Sequence[Run], active: list[int], decision: Decision, ways: list[Waypoints], choices: list[int]
    ) -> None:
        """Do what was chosen."""
        for row, (i, way, choice) in enumerate(zip(active, ways, choices, strict=True)):
            run = runs[i]
            if choice == self.views:
                run.walk.act(Action.STOP)
            else:
                run.past.append((decision.views[row, choice], decision.directions[row, choice].tolist()))
                run.walk.turn(float(way.headings[choice]))
                run.walk.forward(float(way.distances[choice]))
            run.walk.end_decision()


def depths(ranges: NDArray[np.float64], views: int) -> NDArray[np.float32]:
    """The ranges (R,) nearest to each view's axis, on a logarithmic scale, (V, R / V)."""
    each = len(ranges) // views
    return np.log1p(np.roll(ranges, each // 2).reshape(views, each)).astype(np.float32)

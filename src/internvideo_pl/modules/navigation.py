"""Vision-and-language navigation: imitation with scheduled sampling, and tests beside agents that see nothing."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.episode import Episode
from internvideo_pl.data.navigation import NavigationData
from internvideo_pl.errors import UserError
from internvideo_pl.metrics.navigation import SUCCESS_DISTANCE, Journey, Navigation
from internvideo_pl.modules.align import tokenizer_of
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.modules.rollout import Rollouts, Run, begin
from internvideo_pl.objectives.navigate import Imitation
from internvideo_pl.simulators.agents import act_randomly, go_forward
from internvideo_pl.simulators.simulator import Action
from internvideo_pl.simulators.walk import Walk
from internvideo_pl.submissions.r2r_ce import submission_problems, to_log, to_submission

OWN, RANDOM, FORWARD = "", "random agent", "forward-only agent"
BLIND: dict[str, Callable[[Walk, np.random.Generator], None]] = {RANDOM: act_randomly, FORWARD: go_forward}
WITH_CHANCE = ("SPL", "SR", "OSR", "nDTW", "NE")
SHOWN = 4  # episodes of different routes that are kept for a picture


class VisionLanguageNavigation(VideoModule):
    """Trains a policy over frozen encoders; tests it, a random and a forward-only agent on the same episodes.

    Beside the run's rows it writes `submission_<split>.json` for the server (`submission_<split>-incomplete.json` where
    episodes of the split are missing) and `episodes_<split>.json`, the log.

    Args:
        objective: The agent and its imitation.
        optimisation: See `VideoModule`.
    """

    objective: Imitation

    def __init__(self, objective: Imitation, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.tokenizer = tokenizer_of(objective.model.multimodal)
        self.metrics: dict[str, Navigation] = {}
        self.journeys: dict[str, list[dict[str, Any]]] = {}
        self.shown: list[Run] = []  # episodes of the test, for a picture
        self._teaching: Rollouts | None = None

    @property
    def navigation(self) -> NavigationData:
        """The DataModule.

        Raises:
            UserError: The data have no episodes.
        """
        if not isinstance(self.data, NavigationData):
            raise UserError("navigation needs episodes: choose data.name=r2r_ce")
        return self.data

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": imitation, "agreement": with the oracle, "trust": share of decisions that are the oracle's}.

        Raises:
            UserError: The batch has no episodes, as in a plan of steps without data.
        """
        if not batch.annotations:
            raise UserError("a step of navigation depends on where the agent goes: it cannot be planned without a run")
        config = self.objective.config
        if self._teaching is None:
            self._teaching = self._rollouts(config.grid)
        trust = config.trust(self.global_step)
        lesson = self._teaching.teach(self._runs(batch, "train"), trust, SUCCESS_DISTANCE)
        losses = self.objective(lesson.words, lesson.word_mask, lesson.decision, lesson.choice)
        return {**losses, "trust": losses["loss"].new_tensor(trust)}

    def on_test_epoch_start(self) -> None:
        """Prepares a metric for each agent."""
        official = self.data.split("test").official
        self.metrics = {name: Navigation(official).to(self.device) for name in (OWN, *BLIND)}
        self.journeys, self.shown = {}, []

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Acts out the batch's episodes, from exactly where the agent stands."""
        runs = self._runs(batch, "test")
        self._rollouts(grid=0.0).follow(runs)
        for number, run in zip(batch.index.tolist(), runs, strict=True):
            self.journeys[run.episode.key] = to_submission(run.walk.poses, run.walk.stopped)
            self._judge(OWN, number, run, run.walk)
            for name, act in BLIND.items():
                walk = Walk(run.simulator, run.walk.poses[0], run.walk.limit)
                act(walk, np.random.default_rng([number, len(name)]))
                self._judge(name, number, run, walk)
        new = [run for run in runs if all(run.episode.trajectory != other.episode.trajectory for other in self.shown)]
        self.shown += list({run.episode.trajectory: run for run in new}.values())[: SHOWN - len(self.shown)]

    def on_test_epoch_end(self) -> None:
        """Turns the figures into outcomes, and writes both files."""
        submission = self._gathered(self.journeys)
        if self._hidden:
            self.finish(self._outcome({"episodes": float(len(submission))}, "episodes", {}))
        else:
            found = {name: metric.compute() for name, metric in self.metrics.items()}
            guess = {name: found[RANDOM][name] for name in WITH_CHANCE}
            for name, figures in found.items():
                outcome = self._outcome(figures, "SPL", guess if name != RANDOM else {}, name or None)
                outcome.intervals = self.metrics[name].intervals(self._routes())
                self.finish(outcome)
        if self.trainer.is_global_zero:
            self._write(submission)

    def _routes(self) -> Tensor:
        """int64 (episodes,): number of each episode's route, which several instructions may describe."""
        names = [sample.annotation["trajectory"] for sample in self.data.split("test").samples]
        return torch.tensor(np.unique(names, return_inverse=True)[1])

    def _judge(self, name: str, number: int, run: Run, walk: Walk) -> None:
        """Add an agent's episode to its metric, unless its goal is hidden."""
        if run.episode.goal is not None:
            self.metrics[name].update(number, journey(walk, np.array(run.episode.goal)), run.episode.truth)

    @property
    def _hidden(self) -> bool:
        """Whether the test split keeps its goals to itself."""
        return self.data.split("test").samples[0].annotation["goal"] is None

    def _outcome(
        self, figures: dict[str, float], headline: str, chance: dict[str, float], model: str | None = None
    ) -> Outcome:
        config = self.objective.config
        protocol = {"evaluator": "VLN-CE", "max_decisions": config.max_decisions}
        return Outcome("navigation", figures, headline, chance, protocol, model=model)

    def _runs(self, batch: Batch, split: str) -> list[Run]:
        samples = self.data.split(split).samples
        data, runs = self.navigation, []
        for number, plain, key in zip(batch.index.tolist(), batch.annotations, batch.keys, strict=True):
            scene = str(samples[number].path)
            runs.append(begin(Episode.of(plain), scene, data.open_scene(scene), key, data.config.max_actions))
        return runs

    def _rollouts(self, grid: float) -> Rollouts:
        config, data = self.objective.config, self.navigation.config
        return Rollouts(self.objective.model, self.tokenizer, config, data.views, data.num_frames, grid)

    def _gathered(self, mine: dict[str, Any]) -> dict[str, Any]:
        """The episodes of all processes."""
        if not (dist.is_available() and dist.is_initialized()):
            return mine
        parts: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(parts, mine)
        return {key: value for part in parts for key, value in part.items()}

    def _write(self, submission: dict[str, Any]) -> None:
        """Both files; a submission that the server would not take whole gets another name, and the reasons are told."""
        folder, split, name = Path(self.trainer.default_root_dir), self.data.split("test"), self.data.test_list
        starts = {sample.key: sample.annotation["start"] for sample in split.samples}
        problems = submission_problems(submission, {**dict.fromkeys(split.missing), **starts})
        path = folder / f"submission_{name}{'-incomplete' if problems else ''}.json"
        path.write_text(json.dumps(submission, allow_nan=False) + "\n", encoding="utf-8")
        if problems:
            print(f"{path} is not what the server wants: {'; '.join(problems)}", file=sys.stderr)
        if not self._hidden:
            numbers, rows = self.metrics[OWN].episodes()
            log = {split.samples[n].key: to_log(row) for n, row in zip(numbers, rows.tolist(), strict=True)}
            (folder / f"episodes_{name}.json").write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")


def journey(walk: Walk, goal: np.ndarray) -> Journey:
    """What is judged of a walk; distances are asked for once a place.

    Each action is a decision of its own where the agent marked no ends, as those that see nothing do not.
    """
    positions = walk.positions
    moved = np.concatenate([[True], np.any(positions[1:] != positions[:-1], axis=1)])
    distances = walk.simulator.distances(positions[moved], goal)[moved.cumsum() - 1]
    forward = np.array([action is Action.FORWARD for action in walk.actions], dtype=bool)
    ends = np.array(walk.ends or range(1, len(positions)), dtype=np.int64)
    return Journey(positions, distances, forward, ends, walk.stopped, walk.collisions)

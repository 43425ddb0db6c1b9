"""Navigation metrics against loops written from the official definitions."""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.navigation import FIGURES, Journey, Navigation, figures, weighted_by_length
from internvideo_pl.metrics.paths import dtw, fast_dtw, length, ndtw, resample, without_repeats


def euclid(a, b):
    return math.sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)))


def slow_dtw(x, y, window=None):
    """The recurrence cell by cell; ties go up, then left, then along the diagonal."""
    cells = window or [(i, j) for i in range(len(x)) for j in range(len(y))]
    table = {(-1, -1): (0.0, None)}
    for i, j in sorted(cells):
        options = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
        costs = [table.get(option, (math.inf, None))[0] for option in options]
        table[i, j] = (min(costs) + euclid(x[i], y[j]), options[costs.index(min(costs))])
    cell, path = (len(x) - 1, len(y) - 1), []
    while cell != (-1, -1):
        path.append(cell)
        cell = table[cell][1]
    return table[len(x) - 1, len(y) - 1][0], path


def slow_fast_dtw(x, y, radius=1):
    """Salvador and Chan: halve both, solve, project the path, widen it by the radius, solve inside."""
    if min(len(x), len(y)) < radius + 2:
        return slow_dtw(x, y)
    halves = [
        [tuple((a + b) / 2 for a, b in zip(s[i], s[i + 1], strict=True)) for i in range(0, len(s) - 1, 2)]
        for s in (x, y)
    ]
    _, path = slow_fast_dtw(*halves, radius)
    reach = range(-radius, radius + 1)
    near = {(i + a, j + b) for i, j in path for a in reach for b in reach}
    fine = {(2 * i + a, 2 * j + b) for i, j in near for a in (0, 1) for b in (0, 1)}
    return slow_dtw(x, y, [(i, j) for i, j in fine if 0 <= i < len(x) and 0 <= j < len(y)])


def slow_resample(path, spacing=0.25):
    points = [list(path[0])]
    for start, end in itertools.pairwise(path):
        step = [b - a for a, b in zip(start, end, strict=True)]
        across = math.hypot(step[0], step[2])
        times = int(1 / (spacing / across)) if across > 0 else 0
        for _ in range(times - 1):
            points.append([p + s * spacing / across for p, s in zip(points[-1], step, strict=True)])
        points.append(list(end))
    return points


@dataclass(frozen=True)
class Acted:
    """One low-level action and what it led to."""

    name: str
    position: tuple
    distance: float
    collided: bool = False


@dataclass(frozen=True)
class Story:
    """An episode as it happened: where it began, then for each decision its actions; the last may be to stop."""

    start: tuple
    distance: float
    decisions: list

    @property
    def stopped(self):
        return self.decisions[-1][-1].name == "stop"

    def journey(self):
        acted = [action for decision in self.decisions for action in decision]
        return Journey(
            positions=np.array([self.start, *(action.position for action in acted)], dtype=float),
            distances=np.array([self.distance, *(action.distance for action in acted)]),
            forward=np.array([action.name == "forward" for action in acted], dtype=bool),
            ends=np.cumsum([len(decision) for decision in self.decisions]),
            stopped=self.stopped,
            collisions=sum(action.collided for action in acted),
        )


def slow_official(story, goal):
    """VLN-CE's measures, updated an action at a time."""
    acted = [action for decision in story.decisions for action in decision]
    seen, travelled, inside = [story.start], 0.0, story.distance < 3.0
    for action in acted:
        if action.position != seen[-1]:
            travelled += euclid(seen[-1], action.position)
            seen.append(action.position)
        inside = inside or action.distance < 3.0
    success = 1.0 if story.stopped and acted[-1].distance < 3.0 else 0.0
    likeness = math.exp(-slow_fast_dtw(seen, goal)[0] / (len(goal) * 3.0))
    return {
        "TL": travelled,
        "NE": acted[-1].distance,
        "OSR": float(inside),
        "SR": success,
        "SPL": success * story.distance / max(story.distance, travelled),
        "nDTW": likeness,
        "sDTW": success * likeness,
        "steps": len(acted),
        "collisions": sum(action.collided for action in acted),
    }


def slow_release(story, goal):
    """The release's evaluation, a decision at a time: what its simulator hands back, and its measures after that."""
    recorded = {"position": [story.start], "distance": [story.distance]}  # a place, once the agent is elsewhere
    path, collided, decided = [story.start], [], 0.0
    for decision in story.decisions:
        walked = [action for action in decision if action.name == "forward"]
        path += [action.position for action in walked]
        collided += [float(action.collided) for action in walked]
        decided += 1.0
        if decision[-1].position != recorded["position"][-1]:
            recorded["position"].append(decision[-1].position)
            recorded["distance"].append(decision[-1].distance)
    distances, length = recorded["distance"], sum(itertools.starmap(euclid, itertools.pairwise(path)))
    success = 1.0 if distances[-1] <= 3.0 and story.stopped else 0.0
    dense = slow_resample(goal)
    return {
        "release/OSR": 1.0 if min(distances) <= 3.0 else 0.0,
        "release/SR": success,
        "release/SPL": success * distances[0] / max(distances[0], length),
        "release/nDTW": math.exp(-slow_fast_dtw(path, dense)[0] / (len(dense) * 3.0)),
        "release/steps": decided,
        "release/collisions": sum(collided) / len(collided) if collided else 0.0,
    }


def random_path(rng, most=24):
    """Steps on a coarse lattice, so that costs tie; some of no length."""
    return (rng.integers(-2, 3, size=(int(rng.integers(1, most)), 3)) * [0.25, 0.0, 0.25]).cumsum(0)


def random_story(rng):
    """Decisions of some turns and some steps, which may be in vain; 3 m from the goal exactly again and again."""
    distances, decisions = defaultdict(lambda: float(rng.integers(1, 7))), []  # each place has one
    start = here = (0.0, 0.0, 0.0)
    for _ in range(int(rng.integers(0, 6))):
        done = [Acted("left", here, distances[here]) for _ in range(int(rng.integers(0, 3)))]
        for _ in range(int(rng.integers(0 if done else 1, 5))):
            step = (rng.integers(-1, 2, size=3) * [0.25, 0.0, 0.25]).tolist()
            here = tuple(a + b for a, b in zip(here, step, strict=True))
            done.append(Acted("forward", here, distances[here], collided=bool(rng.integers(2))))
        decisions.append(done)
    if not decisions or rng.integers(2):
        decisions.append([Acted("stop", here, distances[here])])
    return Story(start, distances[start], decisions)


@pytest.mark.parametrize("seed", range(40))
def test_figures_equal_the_slow_definitions(seed):
    rng = np.random.default_rng(seed)
    story, reference = random_story(rng), random_path(rng)
    found = figures(story.journey(), reference)
    wanted = slow_official(story, reference.tolist()) | slow_release(story, reference.tolist())
    assert list(found) == list(wanted) == list(FIGURES)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("seed", range(20))
def test_dtw_equals_the_recurrence_and_never_exceeds_fast_dtw(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(int(rng.integers(1, 30)), 3)), rng.normal(size=(int(rng.integers(1, 30)), 3))
    assert dtw(a, b) == pytest.approx(slow_dtw(a.tolist(), b.tolist())[0], abs=1e-9)
    assert dtw(a, b) <= fast_dtw(a, b) + 1e-9


def straight(distances, stopped):
    """Two steps of 4 m with a turn between them, and an end; one decision a step."""
    line = np.array([[0, 0, 0], [0, 0, -4], [0, 0, -4], [0, 0, -8.0], [0, 0, -8.0]])
    forward = np.array([True, False, True, False])
    return Journey(line, np.array(distances), forward, np.array([1, 3, 4]), stopped), line[[0, 1, 3]]


def test_worked_by_hand():
    found = figures(*straight([10.0, 6, 6, 2, 2], stopped=True))
    assert (found["TL"], found["NE"], found["SR"], found["OSR"], found["SPL"]) == (8, 2, 1, 1, 1)
    assert found["nDTW"] == 1.0
    late = figures(*straight([10.0, 6, 6, 2, 2], stopped=False))
    assert (late["SR"], late["OSR"], late["SPL"], late["sDTW"]) == (0, 1, 0, 0)
    edge = figures(*straight([10.0, 6, 6, 3, 3], stopped=True))
    assert (edge["SR"], edge["release/SR"], edge["OSR"], edge["release/OSR"]) == (0, 1, 0, 1)
    assert weighted_by_length(1.0, 5.0, 10.0) == 0.5
    assert weighted_by_length(1.0, 0.0, 0.0) == 1.0  # an agent that need not move and does not


def test_the_release_resamples_the_ground_truth_alone_and_counts_decisions():
    """A straight way of 1 m as two positions, walked in four steps after two turns, the last against a wall."""
    truth = np.array([[0, 0, 0], [0, 0, -1.0]])
    walked = np.array([[0, 0, z] for z in (0, 0, 0, -0.25, -0.5, -0.75, -1.0, -1.0, -1.0)])
    forward = np.array([False, False, True, True, True, True, True, False])
    near = np.array([5, 5, 5, 4, 2.5, 4, 4, 4, 4.0])  # in passing, within a decision
    journey = Journey(walked, near, forward, np.array([7, 8]), stopped=True, collisions=1)
    found = figures(journey, truth)
    assert found["release/nDTW"] == 1.0  # five points on five, the last twice
    assert found["nDTW"] == pytest.approx(math.exp(-(0.25 + 0.5 + 0.25) / (2 * 3.0)))
    assert (found["OSR"], found["release/OSR"]) == (1, 0)
    assert (found["steps"], found["release/steps"]) == (8, 2)
    assert (found["collisions"], found["release/collisions"]) == (1, 1 / 5)


def test_an_agent_that_stops_at_once_collides_with_nothing():
    stood = Journey(np.zeros((2, 3)), np.array([2.0, 2]), np.array([False]), np.array([1]), stopped=True)
    found = figures(stood, np.array([[0, 0, 0], [0, 0, -2.0]]))
    assert (found["release/collisions"], found["release/SR"], found["release/steps"], found["TL"]) == (0, 1, 1, 0)


def test_a_single_position_is_a_path_of_no_length():
    point = np.zeros((1, 3))
    assert length(point) == 0.0
    assert ndtw(point, point, 3.0) == 1.0
    assert len(without_repeats(np.zeros((4, 3)))) == 1
    assert len(resample(np.zeros((4, 3)))) == 4


def test_repeats_of_a_sampler_count_once_and_missing_episodes_are_bounds():
    rng = np.random.default_rng(0)
    metric, kept = Navigation(official=4), []
    for number in (2, 0, 2):
        journey, reference = random_story(rng).journey(), random_path(rng)
        metric.update(number, journey, reference)
        kept.append(figures(journey, reference))
    found = metric.compute()
    assert metric.missing == [1, 3]
    assert found["NE"] == pytest.approx((kept[0]["NE"] + kept[1]["NE"]) / 2)
    spl = (kept[0]["SPL"] + kept[1]["SPL"]) / 2
    assert found["SPL"] == pytest.approx(100 * spl)
    assert (found["SPL/low"], found["SPL/high"]) == pytest.approx((50 * spl, 50 * spl + 50))
    numbers, rows = metric.episodes()
    assert numbers == [0, 2]
    assert rows.shape == torch.Size([2, len(FIGURES)])


def test_no_episode_is_an_error():
    with pytest.raises(UserError, match="No episode"):
        Navigation(official=3).compute()

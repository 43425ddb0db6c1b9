"""Journeys as the files that others read: the submission of VLN-CE's server, and the evaluator's log.

The server (eval.ai, challenge 719) takes, the start first and then one entry an action,
    {"<episode_id>": [{"position": [x, y, z], "heading": radians, "stop": bool}, ...]}
VLN-CE's own file has headings in (-pi, pi], ours in [0, 2 pi): any finite angle says which way the agent looks.
The log maps an episode to its figures, in the names of InternVideo's release and as that computes them.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from internvideo_pl.data.official import is_number
from internvideo_pl.metrics.navigation import FIGURES
from internvideo_pl.simulators.simulator import FORWARD_STEP, MAX_ACTIONS, Pose
from internvideo_pl.submissions.submission import coverage_problems

LOG = {  # in the release's log: our figure
    "steps_taken": "release/steps",
    "distance_to_goal": "NE",
    "success": "release/SR",
    "oracle_success": "release/OSR",
    "path_length": "TL",
    "collisions": "release/collisions",
    "spl": "release/SPL",
    "ndtw": "release/nDTW",
}
KEYS = {"position", "heading", "stop"}
CLIMB = 1.0  # metres of height that one step may gain or lose: a step of stairs, generously


def to_submission(poses: Sequence[Pose], stopped: bool) -> list[dict[str, Any]]:
    """One episode's entries; headings in [0, 2 pi)."""
    entries = [
        {
            "position": [float(value) for value in pose.position],
            "heading": pose.heading % math.tau % math.tau,  # twice: a tiny negative number becomes 2 pi itself at first
            "stop": False,
        }
        for pose in poses
    ]
    entries[-1]["stop"] = stopped
    return entries


def to_log(figures: Iterable[float]) -> dict[str, float]:
    """One episode's figures, in the order of `FIGURES`, under the release's names."""
    found = dict(zip(FIGURES, figures, strict=True))
    return {name: found[figure] for name, figure in LOG.items()}


def submission_problems(content: Any, episodes: Mapping[str, Sequence[float] | None]) -> list[str]:
    """What the server would not take, or would score as something else, a sentence each.

    Args:
        content: A submission, as JSON has it.
        episodes: Every episode of the official split, with the position at which it starts; None where that is not
            known, as that of an episode that could not be acted out.
    """
    if not isinstance(content, dict):
        return ["a submission must map episode numbers to lists of entries"]
    wrong = {key: _wrong(entries, episodes[key]) for key, entries in content.items() if key in episodes}
    told = [f"episode {key}: {what}" for key, what in wrong.items() if what]
    return coverage_problems(content, episodes, "episodes") + told


def _wrong(entries: Any, start: Sequence[float] | None) -> str:
    """What is wrong with an episode's entries; "" if nothing is."""
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_ACTIONS + 1:
        return f"it must be a list of 1 to {MAX_ACTIONS + 1} entries"
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or entry.keys() != KEYS:
            return f"entry {number} must have the keys {', '.join(sorted(KEYS))}"
        if not _is_position(entry["position"]):
            return f"the position of entry {number} must be three finite numbers"
        if not is_number(entry["heading"]):
            return f"the heading of entry {number} must be a finite number of radians"
        if not isinstance(entry["stop"], bool):
            return f"stop of entry {number} must be true or false"
        if entry["stop"] and number + 1 < len(entries):
            return f"entry {number} stops, but others follow"
    if start is not None and math.dist(entries[0]["position"], start) > FORWARD_STEP:
        return "it does not begin at the start of the episode"
    for number, (before, after) in enumerate(itertools.pairwise(entries), start=1):
        (x, y, z), (u, v, w) = before["position"], after["position"]
        if math.hypot(u - x, w - z) > FORWARD_STEP + 1e-3 or abs(v - y) > CLIMB:
            return f"entry {number} is further from the one before it than a step"
    return ""


def _is_position(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(is_number, value))

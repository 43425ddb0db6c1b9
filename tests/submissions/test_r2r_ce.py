"""Submissions: what the tests write loads in the validator, and whatever an agent cannot have done is refused."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from internvideo_pl.data.official import is_number
from internvideo_pl.metrics.navigation import FIGURES
from internvideo_pl.simulators.simulator import Pose
from internvideo_pl.submissions.r2r_ce import submission_problems, to_log, to_submission

GIVEN = Path(__file__).parents[3] / "shared" / "data" / "videolang" / "vln_ce"
START = [1.0, 0.1, 2.0]


def poses():
    return [Pose(np.array([1.0, 0.1, 2.0 - 0.25 * step]), -0.2 + 0.3 * step) for step in range(4)]


def submission():
    return {"7": to_submission(poses(), stopped=True)}


def test_what_is_written_is_taken():
    content = json.loads(json.dumps(submission()))
    assert submission_problems(content, {"7": START}) == []
    assert content["7"][0] == {"position": START, "heading": pytest.approx(math.tau - 0.2), "stop": False}
    assert [entry["stop"] for entry in content["7"]] == [False, False, False, True]
    assert to_submission([Pose(np.zeros(3), -1e-20)], False)[0]["heading"] < math.tau


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.clear(), "1 of 1 episodes are missing: 7"),
        (lambda c: c.update({"8": c["7"]}), "1 episodes are not of the official list: 8"),
        (lambda c: c.update({"7": []}), "episode 7: .* 1 to 501 entries"),
        (lambda c: c.update({"7": c["7"] * 200}), "1 to 501 entries"),
        (lambda c: c["7"][1].pop("stop"), "entry 1 must have the keys heading, position, stop"),
        (lambda c: c["7"][1].update(extra=1), "entry 1 must have the keys"),
        (lambda c: c["7"][1].update(position=[0, 0]), "position of entry 1"),
        (lambda c: c["7"][1].update(position=[0, 0, math.nan]), "position of entry 1"),
        (lambda c: c["7"][1].update(position=[0, 0, 10**400]), "position of entry 1"),
        (lambda c: c["7"][2].update(heading=math.inf), "heading of entry 2"),
        (lambda c: c["7"][2].update(heading=10**400), "heading of entry 2"),
        (lambda c: c["7"][2].update(heading="north"), "heading of entry 2"),
        (lambda c: c["7"][2].update(stop=1), "stop of entry 2"),
        (lambda c: c["7"][1].update(stop=True), "entry 1 stops, but others follow"),
        (lambda c: c["7"][2].update(position=[9.0, 0.1, 2.0]), "entry 2 is further"),
        (lambda c: c["7"].pop(0) and c["7"].pop(0), "does not begin at the start"),
    ],
)
def test_what_an_agent_cannot_have_done_is_a_problem(change, words):
    content = submission()
    change(content)
    (problem,) = submission_problems(content, {"7": START})
    assert re.search(words, problem)
    assert "\n" not in problem


def test_headings_may_be_those_of_the_official_file():
    """VLN-CE's own are angles of `arctan2`, from -pi to pi."""
    content = submission()
    for entry, heading in zip(content["7"], (-3.1, -0.1, math.pi, 7.0), strict=True):
        entry["heading"] = heading
    assert submission_problems(content, {"7": START}) == []


def test_an_episode_without_its_scene_is_missing():
    assert submission_problems(submission(), {"7": START, "9": None}) == ["1 of 2 episodes are missing: 9"]
    both = submission() | {"9": submission()["7"]}
    assert submission_problems(both, {"7": START, "9": None}) == []


def test_no_mapping_is_a_problem():
    assert submission_problems([], {"7": START}) == ["a submission must map episode numbers to lists of entries"]


@pytest.mark.parametrize(("value", "is_one"), [(0, 1), (-1.5, 1), (10**308, 1), (10**400, 0), (-(10**400), 0)])
def test_numbers_are_those_that_a_float_holds(value, is_one):
    assert is_number(value) == bool(is_one)


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "1", None, [1]])
def test_what_is_no_finite_number(value):
    assert not is_number(value)


@pytest.mark.skipif(not GIVEN.is_dir(), reason="the published evaluator output is not in ../shared")
def test_the_log_has_the_keys_of_the_published_one():
    published = json.loads((GIVEN / "cwp_vlnbert_stats_ep_val_unseen.first40.json").read_text())
    assert all(entry.keys() == to_log([0.0] * len(FIGURES)).keys() for entry in published.values())

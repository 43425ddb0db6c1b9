"""Submissions: what the tests write loads in the validator, and whatever an agent cannot have done is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.navigation import FIGURES
from internvideo_pl.metrics.trajectories import check_submission, to_log, to_submission
from internvideo_pl.simulators.simulator import Pose

GIVEN = Path(__file__).parents[3] / "shared" / "data" / "videolang" / "vln_ce"
START = [1.0, 0.1, 2.0]


def poses():
    return [Pose(np.array([1.0, 0.1, 2.0 - 0.25 * step]), -0.2 + 0.3 * step) for step in range(4)]


def submission():
    return {"7": to_submission(poses(), stopped=True)}


def test_what_is_written_is_taken():
    content = json.loads(json.dumps(submission()))
    check_submission(content, {"7": START})
    assert content["7"][0] == {"position": START, "heading": pytest.approx(math.tau - 0.2), "stop": False}
    assert [entry["stop"] for entry in content["7"]] == [False, False, False, True]
    assert to_submission([Pose(np.zeros(3), -1e-20)], False)[0]["heading"] < math.tau


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.clear(), "lacks episode 7"),
        (lambda c: c.update({"8": c["7"]}), "has episode 8"),
        (lambda c: c.update({"7": []}), "episode 7 .* 1 to 501 entries"),
        (lambda c: c.update({"7": c["7"] * 200}), "1 to 501 entries"),
        (lambda c: c["7"][1].pop("stop"), "entry 1 must have the keys heading, position, stop"),
        (lambda c: c["7"][1].update(extra=1), "entry 1 must have the keys"),
        (lambda c: c["7"][1].update(position=[0, 0]), "position of entry 1"),
        (lambda c: c["7"][1].update(position=[0, 0, math.nan]), "position of entry 1"),
        (lambda c: c["7"][2].update(heading=-0.1), "heading of entry 2"),
        (lambda c: c["7"][2].update(heading=math.tau), "heading of entry 2"),
        (lambda c: c["7"][2].update(stop=1), "stop of entry 2"),
        (lambda c: c["7"][1].update(stop=True), "entry 1 stops, but others follow"),
        (lambda c: c["7"][2].update(position=[9.0, 0.1, 2.0]), "entry 2 is further"),
        (lambda c: c["7"].pop(0) and c["7"].pop(0), "does not begin at the start"),
    ],
)
def test_what_an_agent_cannot_have_done_is_refused(change, words):
    content = submission()
    change(content)
    with pytest.raises(UserError, match=words):
        check_submission(content, {"7": START})


def test_no_mapping_is_refused():
    with pytest.raises(UserError, match="must map episode numbers"):
        check_submission([], {"7": START})


@pytest.mark.skipif(not GIVEN.is_dir(), reason="the published evaluator output is not in ../shared")
def test_the_log_has_the_keys_of_the_published_one():
    published = json.loads((GIVEN / "cwp_vlnbert_stats_ep_val_unseen.first40.json").read_text())
    assert all(entry.keys() == to_log([0.0] * len(FIGURES)).keys() for entry in published.values())

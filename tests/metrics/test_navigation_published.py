"""Navigation metrics on what others published: logs of evaluators, and official ground truth."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from data_modules.r2r_ce import R2RCE, read_episodes
from internvideo_pl.metrics.navigation import weighted_by_length
from internvideo_pl.metrics.paths import length, ndtw, resample

GIVEN = Path(__file__).parents[3] / "shared" / "data" / "videolang" / "vln_ce"
LOGS = os.environ.get("INTERNVIDEO_VLN_LOGS", "")  # a clone of YicongHong/Discrete-Continuous-VLN
given = pytest.mark.skipif(not GIVEN.is_dir(), reason="the published evaluator output is not in ../shared")


def read(name):
    path = GIVEN / name
    return json.loads(gzip.open(path).read() if name.endswith(".gz") else path.read_bytes())


@given
def test_published_spl_follows_from_its_episodes():
    """SPL of the published log, recomputed from each episode's geodesic distance, which is rounded there."""
    log = read("cwp_vlnbert_stats_ep_val_unseen.first40.json")
    shortest = {
        str(e["episode_id"]): e["info"]["geodesic_distance"] for e in read("val_unseen.40ep.json.gz")["episodes"]
    }
    assert log.keys() == shortest.keys()
    errors = [
        abs(weighted_by_length(entry["success"], shortest[key], entry["path_length"]) - entry["spl"])
        for key, entry in log.items()
    ]
    assert max(errors) < 0.002
    assert np.mean(errors) < 5e-5
    assert np.median(errors) < 1e-6


@given
def test_published_success_is_that_of_its_distances():
    for entry in read("cwp_vlnbert_stats_ep_val_unseen.first40.json").values():
        assert entry["success"] <= float(entry["distance_to_goal"] <= 3.0) <= entry["oracle_success"]
        assert entry["steps_taken"] <= 20  # decisions, after which an episode is cut off
        assert entry["collisions"] <= 1  # a share


@given
def test_official_ground_truth_agrees_with_itself():
    truth, episodes = read("val_unseen_gt.40ep.json.gz"), read("val_unseen.40ep.json.gz")["episodes"]
    for episode in episodes:
        entry = truth[str(episode["episode_id"])]
        path = np.array(entry["locations"])
        assert entry["actions"].count(1) == entry["forward_steps"]
        assert ndtw(path, path, 3.0) == 1.0
        assert np.allclose(path[0], episode["start_position"], atol=0.05)
        assert length(path) <= 0.25 * entry["forward_steps"] + 2.0  # stairs
        reference = np.array(episode["reference_path"])
        assert ndtw(path, resample(reference), 3.0) > 0.7  # two records of one route


@pytest.mark.skipif(not LOGS, reason="INTERNVIDEO_VLN_LOGS names no clone of YicongHong/Discrete-Continuous-VLN")
@pytest.mark.parametrize("agent", ["vlnbert", "cma"])
def test_published_means_follow_from_all_their_episodes(agent):
    """All 1,839 episodes of val-unseen, read by our reader; only the geodesic distances are rounded in the episodes."""
    split = Path(LOGS, "data", "datasets", "R2R_VLNCE_v1-2_preprocessed", "val_unseen")
    truth = split / "val_unseen_gt.json.gz"
    episodes = read_episodes(split / "val_unseen.json.gz", json.loads(gzip.decompress(truth.read_bytes())), truth)
    folder = Path(LOGS, "logs", "eval_results", f"cont-cwp-{agent}-ori")
    published = json.loads((folder / "stats_ckpt_0_val_unseen.json").read_bytes())
    log = json.loads((folder / "stats_ep_ckpt_0_val_unseen_r0_w1.json").read_bytes())
    assert log.keys() == {episode.key for episode in episodes}
    assert len(log) == R2RCE.facts.splits["val_unseen"]
    for name, value in published.items():
        assert np.mean([entry[name] for entry in log.values()]) == pytest.approx(value, abs=1e-12)
    for entry in log.values():
        assert entry["success"] <= (entry["distance_to_goal"] <= 3.0) <= entry["oracle_success"]
    near = [entry for entry in log.values() if entry["distance_to_goal"] <= 3.0]
    assert {entry["steps_taken"] for entry in near if not entry["success"]} == {20}  # cut off, without a stop
    ours = [weighted_by_length(log[e.key]["success"], e.shortest, log[e.key]["path_length"]) for e in episodes]
    errors = np.abs(np.array(ours) - [log[episode.key]["spl"] for episode in episodes])
    assert errors.max() < 0.06
    assert errors.mean() < 2e-4
    assert np.mean(ours) == pytest.approx(published["spl"], abs=2e-4)

"""R2R-CE's gzipped files: the official excerpts, the miniature in their format, and whatever may be wrong with them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from data_modules.r2r_ce import R2R_CE, R2RCE, R2RCEConfig, read_episodes, read_vocabulary
from internvideo_pl.data.episode import Episode
from internvideo_pl.data.gzip_json import read_gzip_json
from internvideo_pl.data.mini.generate import digest, make_mini
from internvideo_pl.data.mini.r2r_ce import FOLDER
from internvideo_pl.errors import UserError
from internvideo_pl.simulators.simulator import Action, Pose
from internvideo_pl.simulators.walk import Walk

GIVEN = Path(__file__).parents[3] / "shared" / "data" / "videolang" / "vln_ce"
given = pytest.mark.skipif(not GIVEN.is_dir(), reason="the official excerpts are not in ../shared")
SIZES = {"scenes": 2, "unseen": 1, "routes": 3, "instructions": 2}


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    return make_mini("r2r_ce", tmp_path_factory.mktemp("mini"), **SIZES)


def data(root, **changes):
    return R2RCE(
        R2RCEConfig(name="r2r_ce", num_frames=1, size=32, short_side=32, batch_size=2, num_workers=0, **changes), root
    )


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    return path


def entry(**changes):
    """An episode in the official form."""
    made = {
        "episode_id": 53,
        "trajectory_id": 175,
        "scene_id": "mp3d/a/a.glb",
        "start_position": [5.0, 0.1, 4.0],
        "start_rotation": [0, 0.6, 0, 0.8],
        "info": {"geodesic_distance": 14.4},
        "goals": [{"position": [11.2, 0.1, -5.6], "radius": 3.0}],
        "instruction": {"instruction_text": "Exit the room. ", "instruction_tokens": [8, 2, 3, 0, 0]},
        "reference_path": [[5.0, 0.1, 4.0], [11.2, 0.1, -5.6]],
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def test_an_episode_is_read_as_it_is(tmp_path):
    truth = {"53": {"locations": [[5.0, 0.1, 4.0]], "forward_steps": 0, "actions": [2, 0]}}
    path = write(tmp_path / "val_unseen.json.gz", {"episodes": [entry()]})
    (episode,) = read_episodes(path, truth, tmp_path / "gt")
    assert (episode.key, episode.trajectory, episode.scene) == ("53", "175", "mp3d/a/a.glb")
    assert (episode.tokens, episode.instruction) == ((8, 2, 3), "Exit the room.")
    assert (episode.goal, episode.shortest, episode.actions) == ((11.2, 0.1, -5.6), 14.4, (2, 0))
    assert episode.heading == pytest.approx(2 * np.arctan2(0.6, 0.8))
    assert Episode.of(json.loads(json.dumps(episode.to_plain()))) == episode


def test_the_test_split_hides_its_goals(tmp_path):
    path = write(tmp_path / "test.json.gz", {"episodes": [entry(goals=None, info=None, reference_path=None)]})
    (episode,) = read_episodes(path)
    assert (episode.goal, episode.shortest, episode.reference) == (None, None, ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"episode_id": None}, r"episodes\[1\]: episode_id is missing"),
        ({"start_position": [1, 2]}, r"episodes\[1\] \(episode_id 53\): start_position must be 3 finite numbers"),
        ({"start_position": [1, 2, float("nan")]}, "start_position must be 3 finite numbers"),
        ({"start_position": [1, 2, 10**400]}, "start_position must be 3 finite numbers"),
        ({"start_rotation": [0, 0, 0, 0]}, "quaternion"),
        ({"scene_id": "../../etc/passwd"}, "scene_id must be a path below"),
        ({"scene_id": "/mp3d/a.glb"}, "scene_id must be a path below"),
        ({"goals": []}, "goals is empty"),
        ({"goals": [{"position": ["x", 0, 0], "radius": 3}]}, r"goals\[0\]: position must be 3"),
        ({"info": {}}, "info: geodesic_distance is missing"),
        ({"info": {"geodesic_distance": float("inf")}}, "finite number of metres"),
        (
            {"info": {"geodesic_distance": 10**400}},
            r"info: geodesic_distance must be a finite number of metres, not 1000",
        ),
        ({"goals": [{"position": [0, 0, 0], "radius": 10**400}]}, "radius must be a finite number of metres"),
        ({"goals": [{"position": [0, 0, 0], "radius": -1}]}, "radius must be a finite number of metres"),
        ({"instruction": "go"}, "instruction must be a mapping"),
        ({"instruction": {"instruction_text": " ", "instruction_tokens": []}}, "instruction_text is empty"),
        ({"instruction": {"instruction_text": "go", "instruction_tokens": ["a"]}}, "whole numbers"),
        ({"reference_path": [[0, 0, 0], [1]]}, r"reference_path\[1\] must be 3"),
    ],
)
def test_a_bad_record_is_named_by_file_and_number(tmp_path, changes, words):
    path = write(tmp_path / "train.json.gz", {"episodes": [entry(episode_id=1), entry(**changes)]})
    with pytest.raises(UserError, match=words) as caught:
        read_episodes(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ({}, "episode 53: has no ground truth"),
        ({"53": {"locations": [], "actions": [0]}}, "locations is empty"),
        ({"53": {"locations": [[0, 0, 0]], "actions": [7]}}, "actions must be"),
    ],
)
def test_bad_ground_truth_is_named(tmp_path, truth, words):
    path = write(tmp_path / "train.json.gz", {"episodes": [entry()]})
    with pytest.raises(UserError, match=words):
        read_episodes(path, truth, tmp_path / "train_gt.json.gz")


@pytest.mark.parametrize("content", [[], {}, {"episodes": []}, {"episodes": [entry(), entry()]}])
def test_a_file_of_another_form_is_an_error(tmp_path, content):
    with pytest.raises(UserError, match=r"must hold|stands twice"):
        read_episodes(write(tmp_path / "train.json.gz", content))


def test_damaged_files_are_one_sentence(tmp_path):
    whole = gzip.compress(json.dumps({"episodes": [entry()] * 50}).encode())
    cases = {
        "text.gz": b"not gzip",
        "cut.gz": whole[: len(whole) // 2],
        "flipped.gz": whole[:40] + bytes(b ^ 0x55 for b in whole[40:60]) + whole[60:],
        "words.gz": gzip.compress(b"{'a': 1}"),
        "bytes.gz": gzip.compress(b"\xff\xfe"),
        "deep.gz": gzip.compress(b"[" * 200_000),
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            read_gzip_json(tmp_path / name)


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b" " * 10_000_000))
    with pytest.raises(UserError, match="unpacks to more than 1,000,000 bytes"):
        read_gzip_json(tmp_path / "bomb.gz", limit=1_000_000)


def test_the_miniature_reads_as_the_real_set_does(mini):
    unseen, train = data(mini).split("test"), data(mini).split("train")
    assert (len(train.samples), len(unseen.samples)) == (2 * 3 * 2, 3 * 2)
    assert {sample.path for sample in train.samples}.isdisjoint(sample.path for sample in unseen.samples)
    words = read_vocabulary(mini / FOLDER / "train" / "train.json.gz")
    episode = Episode.of(train.samples[0].annotation)
    said = [words[token] for token in episode.tokens]
    assert said[-1] == "."
    assert "".join(said) == "".join(episode.instruction.lower().split())
    assert data(mini, test_on="test").split("test").samples[0].annotation["goal"] is None
    assert data(mini).protocol["split"] == "val_unseen"
    assert data(mini).protocol["episodes"] == FOLDER


def test_the_miniature_is_the_same_again(mini, tmp_path):
    assert digest(make_mini("r2r_ce", tmp_path, **SIZES)) == digest(mini)


def test_ground_truth_of_the_miniature_leads_to_its_goals(mini):
    found = data(mini)
    for sample in found.split("train").samples:
        episode = Episode.of(sample.annotation)
        simulator = found.open_scene(sample.path)
        start, goal = np.array(episode.start), np.array(episode.goal)
        walk = Walk(simulator, Pose(start, episode.heading))
        for action in episode.actions:
            walk.act(Action(action))
        assert walk.stopped
        assert np.linalg.norm(walk.pose.position - goal) < 0.25
        moved = [pose.position for pose, did in zip(walk.poses[1:], walk.actions, strict=True) if did is Action.FORWARD]
        assert np.allclose([start, *moved], episode.truth, atol=1e-5)
        assert episode.shortest == pytest.approx(simulator.distances(start[None], goal)[0])
        assert episode.shortest > 3.0  # standing still is no success


def test_episodes_without_their_scene_are_missing(mini, tmp_path):
    (tmp_path / FOLDER).symlink_to(mini / FOLDER)
    with pytest.raises(UserError, match="none of the 6"):
        data(tmp_path).split("test")
    assert len(data(tmp_path).read("test").missing) == 6


def test_no_dataset_is_an_error_with_its_source(tmp_path):
    with pytest.raises(UserError, match="jacobkrantz"):
        data(tmp_path).split("test")


def test_batches_hold_episodes(mini):
    batch = next(iter(data(mini).train_dataloader()))
    assert len(batch) == 2
    assert batch.video.shape == (2, 0)
    assert all(Episode.of(plain).instruction == text for plain, text in zip(batch.annotations, batch.text, strict=True))
    assert len(set(batch.keys)) == 2


@given
def test_official_excerpts_are_read():
    truth = read_gzip_json(GIVEN / "val_unseen_gt.40ep.json.gz")
    path = GIVEN / "val_unseen.40ep.json.gz"
    episodes = read_episodes(path, truth, GIVEN / "val_unseen_gt.40ep.json.gz")
    words = read_vocabulary(path)
    assert (len(episodes), len(words)) == (40, 2504)
    first = episodes[0]
    assert [words[token] for token in first.tokens[:5]] == ["exit", "the", "living", "room", "and"]
    assert all(len(episode.actions) and episode.actions[-1] == 0 for episode in episodes)
    hidden = read_episodes(GIVEN / "test.10ep.json.gz")
    assert [episode.goal for episode in hidden] == [None] * 10
    bert = read_episodes(GIVEN / "val_unseen_bertidx.10ep.json.gz")
    assert read_vocabulary(GIVEN / "val_unseen_bertidx.10ep.json.gz") == []
    same = {episode.key: episode for episode in episodes}
    assert all(each.instruction == same[each.key].instruction for each in bert if each.key in same)
    assert all(each.tokens[0] == 101 and each.tokens[-1] == 102 for each in bert)


def test_facts():
    assert R2R_CE.splits == {"train": 10819, "val_seen": 778, "val_unseen": 1839, "test": 3408}

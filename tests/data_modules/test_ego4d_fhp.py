"""Ego4D's future hand prediction: the official list, where its video is, what is wrong with it."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_modules.ego4d import TEST, Footage
from data_modules.ego4d_fhp import read_fhp
from internvideo_pl.data.mini.encode import encode
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source


def entry(clip_frame: int | None = 90, **moments: list) -> dict:
    """An entry of "frames", with boxes where given."""
    found: dict = {"action_start_sec": 1.0, "action_end_sec": 2.0, "action_clip_start_frame": 90}
    for after, moment in ((0, "pre_45"), (15, "pre_30"), (30, "pre_15"), (44, "pre_frame"), (45, "contact_frame")):
        found[moment] = {"frame": 1090 + after}
        if clip_frame is not None:
            found[moment]["clip_frame"] = clip_frame + after
        if moment in moments:
            found[moment]["boxes"] = moments[moment]
    return found


def put(root: Path, frames: list, split: str = "val", folder: str = "v1/annotations", **head) -> Path:
    clip = {"clip_id": 7, "clip_uid": "c-uid", "video_uid": "v-uid", "frames": frames}
    content = {"version": "v1", "date": "", "description": "", "manifest": "", "split": split, **head, "clips": [clip]}
    path = root / folder / f"fho_hands_{'test_unannotated' if split == 'test' else split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def touch(root: Path, path: str) -> str:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).touch()
    return str(root / path)


def read(root: Path, split: str = "val"):
    return read_fhp(root, split, Footage(root))


def test_hands_of_five_frames_left_then_right(tmp_path):
    boxes = {"pre_45": [{"right_hand": [3, 4.5]}], "contact_frame": [{"right_hand": [1, 2]}, {"left_hand": [0, 9]}]}
    put(tmp_path, [entry(**boxes)], folder="annotations")
    touch(tmp_path, "clips/c-uid.mp4")
    (sample,) = read(tmp_path).samples
    assert sample.key == "7_1089"  # the official name: clip_id and the frame before pre_45
    assert sample.annotation == {"hands": [None, [3, 4.5], *[None] * 6, [0, 9], [1, 2]]}


@pytest.mark.parametrize(
    ("place", "stretch"),
    [
        ("v1/cropped_videos_ant/7_1089.mp4", ""),
        ("v1/clips/c-uid.mp4", "#t=1.000,3.000"),  # 60 frames before clip frame 90
        ("v1/full_scale/v-uid.mp4", "#t=34.333,36.333"),
        ("v1/video_540ss/v-uid.mp4", "#t=34.333,36.333"),
    ],
)
def test_what_may_be_seen_ends_before_pre_45(tmp_path, place, stretch):
    put(tmp_path, [entry()])
    path = touch(tmp_path, place)
    assert [sample.path for sample in read(tmp_path).samples] == [path + stretch]


def test_the_stretch_of_a_clip_is_sixty_frames_and_pre_45_is_not_among_them(tmp_path):
    put(tmp_path, [entry()])
    shade = np.arange(130, dtype=np.uint8)[:, None, None, None]  # every frame has its number's grey
    (tmp_path / "v1/clips").mkdir(parents=True)
    (tmp_path / "v1/clips/c-uid.mp4").write_bytes(encode(np.broadcast_to(shade + 60, (130, 16, 16, 3)), 30))
    (sample,) = read(tmp_path).samples
    source = open_source(sample.path)
    assert source.num_frames() == 60
    first, last = source.frames([0, 59]).float().mean((1, 2, 3)).tolist()
    assert (first, last) == pytest.approx((90, 149), abs=1.5)


def test_what_is_not_on_disk_is_counted_and_the_test_list_has_no_points(tmp_path):
    put(tmp_path, [entry(), entry() | {"pre_45": {"frame": 5, "clip_frame": 3}}], "test")
    assert read(tmp_path, TEST).missing == ["7_1089", "7_4"]
    touch(tmp_path, "v1/clips/c-uid.mp4")
    samples = read(tmp_path, TEST).samples
    assert [sample.annotation["hands"] for sample in samples] == [[None] * 10] * 2
    assert samples[1].path.endswith("#t=0.000,0.100")  # an action in the clip's first two seconds


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([{}], r"clips\[0\].frames\[0\], has no 'pre_45'"),
        ([{"pre_45": {"frame": "x"}}], r"frames\[0\].pre_45.frame, is 'x', not a number"),
        ([entry(pre_30=[{"left_hand": [1]}])], r"pre_30.boxes\[0\].left_hand, is \[1\], not a point"),
        ([entry(pre_30=[{"left_hand": [1, "a"]}])], "not a point"),
        ([entry(pre_30=5)], "pre_30.boxes, is no list"),
        ([entry(pre_30=[{"left_hand": [float("nan"), 5]}])], "not a point"),
        ([entry(pre_30=[{"left_hand": [10**400, 5]}])], "not a point"),
        (5, "clips.0..frames, is no list"),
    ],
)
def test_a_bad_entry_is_named_by_file_and_place(tmp_path, frames, sentence):
    path = put(tmp_path, frames)
    touch(tmp_path, "v1/clips/c-uid.mp4")
    with pytest.raises(UserError, match=sentence) as error:
        read(tmp_path)
    assert str(path) in str(error.value)


def test_of_a_key_that_comes_twice_the_last_counts_as_in_the_official_evaluator(tmp_path):
    put(tmp_path, [entry(), entry(pre_30=[{"left_hand": [3, 4]}])])
    touch(tmp_path, "v1/clips/c-uid.mp4")
    (sample,) = read(tmp_path).samples
    assert sample.annotation["hands"][2] == [3.0, 4.0]


def test_a_bad_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"fho_hands_val\.json is not in"):
        read(tmp_path)
    path = put(tmp_path, [], **{"split": "train"})
    path.rename(path.with_name("fho_hands_val.json"))
    with pytest.raises(UserError, match="split, is 'train' where 'val'"):
        read(tmp_path)
    for text, sentence in (("{", "is no JSON"), ("[]", "is no object"), ('{"split": "val"}', "has no 'clips'")):
        path.with_name("fho_hands_val.json").write_text(text)
        with pytest.raises(UserError, match=sentence):
            read(tmp_path)


def test_the_miniature_is_read_and_its_test_list_withholds(tmp_path):
    root = make_mini("ego4d_fhp", tmp_path, train=3, val=2, test=1, workers=1)
    train, test = read(root, "train"), read(root, TEST)
    assert (train.official, read(root).official, test.official) == (6, 4, 2)
    assert not train.missing
    assert open_source(train.samples[0].path).num_frames() == 60
    assert all(point is None for sample in test.samples for point in sample.annotation["hands"])
    points = [point for sample in train.samples for point in sample.annotation["hands"] if point]
    assert all(0 < value < 48 for point in points for value in point)

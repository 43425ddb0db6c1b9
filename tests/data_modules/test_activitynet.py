"""ActivityNet, HACS Segments and FineAction: their shared shape, what each has of its own, bad entries by name."""

import json
from pathlib import Path

import pytest

from data_modules.activitynet import ActivityNet, ActivityNetSegments, ActivityNetSegmentsConfig, UntrimmedClipConfig
from data_modules.fineaction import FineAction
from data_modules.hacs import HacsSegments
from internvideo_pl.data.temporal.annotation import Instance
from internvideo_pl.data.temporal.database import class_names, read_database
from internvideo_pl.data.temporal.module import LocalizationConfig
from internvideo_pl.errors import UserError
from tests.data_modules.untrimmed import ROWS, entry, real_rows, touch, write_database

NAME = "activity_net.v1-3.min.json"
SUBSETS = ("training", "validation", "testing")
A, B, C, D, E = ("-a_b4567890", "_b123456789", "c1234567890", "d1234567890", "e1234567890")
DATABASE = {
    A: entry("training", ("Sailing", 1.5, 4), ("Archery", 6, 9.25)),
    B: entry("validation", ("Rafting", 0, 0.02), ("Sailing", 2, 5)),
    C: entry("training"),
    D: entry("validation", ("Archery", 3, 30)),  # ends after the video, as some official ones do
    E: entry("testing"),
}


@pytest.fixture
def root(tmp_path):
    write_database(tmp_path / NAME, DATABASE, version="VERSION 1.3", taxonomy=[])
    for key, suffix in ((A, "mp4"), (B, "mkv"), (C, "webm")):
        touch(tmp_path / "videos" / f"v_{key}.{suffix}")
    return tmp_path


def recognition(root: Path) -> ActivityNet:
    return ActivityNet(UntrimmedClipConfig(name="activitynet", num_frames=8, batch_size=2), root)


def localisation(root: Path, **more) -> ActivityNetSegments:
    return ActivityNetSegments(ActivityNetSegmentsConfig(name="activitynet_tal", batch_size=2, **more), root)


def test_recognition_trains_on_stretches_and_is_tested_on_whole_videos_with_their_first_label(root):
    data = recognition(root)
    assert data.classes == ["Archery", "Rafting", "Sailing"]
    video = str(root / "videos" / f"v_{A}.mp4")
    train = data.split("train")
    assert [(sample.path, sample.key, sample.label) for sample in train.samples] == [
        (f"{video}#t=1.500,4.000", f"{A}_0", 2),
        (f"{video}#t=6.000,9.250", f"{A}_1", 0),
    ]
    assert data.seconds(train.samples[1]) == 3.25
    test = data.split("test")
    assert [(sample.key, sample.label) for sample in test.samples] == [(B, 1)]
    assert (test.missing, test.official) == ([D], 2)


def test_localisation_keeps_every_instance_and_counts_missing_videos_among_the_truth(root):
    data = localisation(root)
    test = data.split("test")
    assert [sample.key for sample in test.samples] == [B]
    assert test.samples[0].annotation == {
        "duration": 20.0,
        "segments": [[0, 0.02], [2, 5]],
        "labels": [1, 2],
        "ambiguous": [],
    }
    truth = data.truth()
    assert truth.keys == [B, D]
    assert truth.video.tolist() == [0, 0, 1]
    assert truth.segment.tolist() == [[0, 0.02], [2, 5], [3, 30]]
    assert truth.label.tolist() == [1, 2, 0]
    assert data.protocol["tiou"] == "0.5:0.05:0.95"


def test_features_are_made_of_training_and_validation_videos(root):
    data = localisation(root, test_on="all", sampling="windows")
    assert [sample.key for sample in data.split("test").samples] == [A, C, B]


def test_blocked_videos_are_a_second_figure(root):
    (root / "blocked.json").write_text(json.dumps([f"v_{D}"]))
    every, unblocked = localisation(root, blocked=root / "blocked.json").evaluations()
    assert (every.name, every.blocked) == ("", frozenset())
    assert (unblocked.name, unblocked.blocked) == ("unblocked", {D})
    (root / "blocked.json").write_text(json.dumps({"nobody00000": "gone"}))
    with pytest.raises(UserError, match="names no video"):
        localisation(root, blocked=root / "blocked.json").evaluations()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({B: entry("validation", ("Rafting", 0, 1), ("Sailing", 5, 2))}, f"video {B}, annotation 2: .* ends before it"),
        ({B: entry("validation", ("Rafting", -1, 1))}, f"video {B}, annotation 1: .* begins before the video"),
        ({B: entry("validation", ("Rafting", "x", 1))}, "start 'x' and end 1 are not two numbers"),
        ({B: entry("validation", ("Rafting", True, 1))}, "are not two numbers"),
        ({B: entry("val")}, f"video {B}: subset 'val' is none of the list's. Choices"),
        ({B: entry("validation", (None, 0, 1))}, f'video {B}, annotation 1: it must have a "label"'),
        ({B: {"subset": "training", "annotations": {}}}, "annotations must be a list"),
        ({B: entry("validation", duration="long")}, f"video {B}, duration"),
        ({B: []}, f"video {B}: its entry is \\[\\], not an object"),
    ],
)
def test_a_bad_entry_is_named_by_file_video_and_annotation(tmp_path, change, sentence):
    path = write_database(tmp_path / NAME, DATABASE | change)
    with pytest.raises(UserError, match=sentence) as caught:
        read_database(path, SUBSETS)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"database": {"abc": {}, "abc": {}}}', "'abc' stands there twice"),
        (b'{"database": {\n"abc": "\xff"}}', "line 2: byte 9 is not UTF-8"),
        (b'{"database":\n\n{', "line 3: not JSON"),
        (b'["database"]', 'is an object with the key "database"'),
    ],
)
def test_a_bad_file_is_named_by_line(tmp_path, content, sentence):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_database(tmp_path / NAME, SUBSETS)


def test_a_missing_list_is_an_error_that_says_where_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"activity_net.v1-3.min.json .* is not in .*MINI=1"):
        recognition(tmp_path).split("train")


def test_hacs_segments_reads_durations_that_are_strings_and_leaves_negatives_out_of_training(tmp_path):
    database = {
        A: entry("training", ("Sailing", 1, 4), duration="92.166667"),
        B: entry("training", duration="10.5"),  # no annotation: a negative
        C: entry("validation", ("Sailing", 1, 4), duration="9"),
    }
    write_database(tmp_path / "HACS_segments_v1.1.1.json", database)
    for key in (A, B, C):
        touch(tmp_path / "Sailing_boats" / f"v_{key}.mp4")
    data = HacsSegments(LocalizationConfig(name="hacs_tal", batch_size=1), tmp_path)
    assert [sample.annotation["duration"] for sample in data.split("train").samples] == [92.166667, 10.5]
    assert data.steps_per_epoch() == 1


def test_fineaction_ids_keep_their_v(tmp_path):
    told = entry("validation", ("Dive", 0, 1), ("Swim", 0.5, 2))
    write_database(tmp_path / "annotations_gt.json", {"v_00000001": told})
    touch(tmp_path / "v_00000001.mp4")
    data = FineAction(LocalizationConfig(name="fineaction", batch_size=1), tmp_path)
    assert [sample.key for sample in data.split("test").samples] == ["v_00000001"]


@real_rows
def test_real_rows_of_activitynet_parse():
    videos = read_database(ROWS / "activitynet" / "activity_net.v1-3.two_records.json", SUBSETS)
    assert [(video.key, len(video.instances), video.duration) for video in videos] == [
        ("tVC_5_SgseY", 2, 137.81),
        ("ABBQqwPOxw4", 1, 6.99),
    ]
    assert videos[1].instances[0] == Instance(1.6459157566302651, 6.941, "Tennis serve with ball bouncing")
    names = (ROWS / "activitynet" / "action_name.csv").read_text().split("\n")[1:]
    assert len([name for name in names if name]) == 200
    assert set(class_names(videos)) <= set(names)


@real_rows
def test_real_row_of_hacs_segments_parses():
    (video,) = read_database(ROWS / "hacs" / "HACS_segments_v1.1.1.one_record.json", SUBSETS)
    assert (video.key, video.duration) == ("--0edUL8zmA", 92.166667)
    assert [(each.start, each.end) for each in video.instances] == [(5.4, 11.6), (12.6, 88.16)]

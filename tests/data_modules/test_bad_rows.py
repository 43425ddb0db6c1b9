"""What is wrong with an official list is said with its file and its line, record or video, whichever reader it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_modules import DATASETS
from internvideo_pl.data.official import plain
from internvideo_pl.errors import UserError
from tests.data_modules.lists import put

KINETICS = "label,youtube_id,time_start,time_end,split\narchery,abcdefghijk,0,10,train\n"
BOXES = "abc,0902,0.1,0.2,0.5,0.9,12,0\n"
ACTIONS = '  name: "walk"\n  id: 12\n'
CLIPS = "classname,youtube_id,subset,start,end,label\nArchery,abcdefghijk,training,0,2,1\n"


def database(**videos: Any) -> str:
    """A JSON in ActivityNet's shape, one good video and some more."""
    good = {"subset": "training", "duration": 9, "annotations": [{"label": "Archery", "segment": [0, 2]}]}
    return json.dumps({"database": {"abcdefghijk": good, **videos}})


def video(*segment: float, subset: str = "training") -> dict[str, Any]:
    """An entry of it."""
    return {"subset": subset, "duration": 9, "annotations": [{"label": "Archery", "segment": segment}]}


# name of a reader -> its lists as they should be
LISTS: dict[str, dict[str, str]] = {
    **{f"kinetics{n}": {"train.csv": KINETICS} for n in (400, 600, 700)},
    "kinetics710": {f"kinetics{n}/train.csv": KINETICS for n in (400, 600, 700)}
    | {f"kinetics{n}/val.csv": KINETICS.replace("abc", "xyz") for n in (400, 600, 700)},
    "ssv1": {"something-something-v1-labels.csv": "Holding it\n", "something-something-v1-train.csv": "1;Holding it\n"},
    "ssv2": {"labels.json": '{"Holding it": "0"}', "train.json": '[{"id": "1", "template": "Holding [it]"}]'},
    "hmdb51": {f"splits/{name}_test_split1.txt": "a.avi 1 \n" for name in ("kick", "wave")},
    "ucf101": {"classInd.txt": "1 Kick\n2 Wave\n", "trainlist01.txt": "Kick/v_a.avi 1\n"},
    "mitv2": {"moments_categories.txt": "kick,0\nwave,1\n", "trainingSet.csv": "kick/a.mp4,kick,3,0\n"},
    "activitynet": {"activity_net.v1-3.min.json": database()},
    "activitynet_tal": {"activity_net.v1-3.min.json": database()},
    "hacs": {"HACS_segments_v1.1.1.json": database()},
    "hacs_tal": {"HACS_segments_v1.1.1.json": database()},
    "fineaction": {"annotations_gt.json": database()},
    "thumos14": {
        "detclasslist.txt": "7 Kick\n",
        "annotation/Kick_val.txt": "video_validation_0000001 0.5 2.0\n",
        "annotation/Ambiguous_val.txt": "",
    },
    "ava": {
        "ava_train_v2.2.csv": BOXES,
        "ava_train_excluded_timestamps_v2.2.csv": "",
        "ava_action_list_v2.2.pbtxt": ACTIONS,
    },
    "ava_kinetics": {
        "ava_train_v2.2.csv": BOXES,
        "ava_train_excluded_timestamps_v2.2.csv": "",
        "ava_action_list_v2.2.pbtxt": ACTIONS,
        "kinetics_train_v1.0.csv": "abcdefghijk,5.016949,0.1,0.2,0.5,0.9,12\n",
    },
}
TRAINING = {  # the list of each that a bad line is put into
    **dict.fromkeys(("kinetics400", "kinetics600", "kinetics700"), "train.csv"),
    "kinetics710": "kinetics600/train.csv",
    "ssv1": "something-something-v1-train.csv",
    "hmdb51": "splits/wave_test_split1.txt",
    "ucf101": "trainlist01.txt",
    "mitv2": "trainingSet.csv",
    "thumos14": "annotation/Kick_val.txt",
    "ava": "ava_train_v2.2.csv",
    "ava_kinetics": "kinetics_train_v1.0.csv",
}
ESCAPES = ("../x", "/x", "..", "..\\x", "C:x", "C:\\x")
LINES = {  # a row that is put behind the good one, and what is said of it
    "kinetics400": [
        ("archery,bbbbbbbbbbb,0,10", "4 columns"),
        ("archery,bbbbbbbbbbb,10,0,train", "ends at 0, not after its start"),
        ("archery,abcdefghijk,0,10,train", "is in line 2 already"),
        (b"arch\xe9ry,bbbbbbbbbbb,0,10,train", "is not UTF-8"),
        *((f"archery,{bad},0,10,train", "expected a youtube_id") for bad in ESCAPES),
    ],
    "ssv1": [
        ("2", "expected id;template"),
        ("2;Holding that", "is not a class"),
        ("1;Holding it", "is in line 1 already"),
        (b"2;Holding \xff", "is not UTF-8"),
        *((f"{bad};Holding it", "expected id;template") for bad in ESCAPES),
    ],
    "hmdb51": [
        ("b.avi", "expected '<file>.avi"),
        ("a.avi 2", "is in line 1 already"),
        (b"\xe4.avi 1", "is not UTF-8"),
        *((f"{bad} 1", "expected '<file>.avi") for bad in ESCAPES),
    ],
    "ucf101": [
        ("Kick/v_b.avi", "expected '<Class>/<file>.avi <index>'"),
        ("Dance/v_b.avi 1", "is not a class"),
        ("Kick/v_a.avi 1", "is in line 1 already"),
        (b"Kick/v_\xff.avi 1", "is not UTF-8"),
        *((f"{bad}/v_b.avi 1", "expected '<Class>/<file>.avi <index>'") for bad in ESCAPES),
        *((f"Kick/{bad} 1", "expected '<Class>/<file>.avi <index>'") for bad in ESCAPES),
    ],
    "mitv2": [
        ("kick/b.mp4,kick,3", "expected <class>/<file>.mp4"),
        ("dance/b.mp4,dance,3,0", "is not among the categories"),
        ("kick/a.mp4,kick,3,0", "is in line 1 already"),
        (b"kick/\xc3.mp4,kick,3,0", "is not UTF-8"),
        *((f"{bad}/b.mp4,kick,3,0", "expected <class>/<file>.mp4") for bad in ESCAPES),
        *((f"kick/{bad},kick,3,0", "expected <class>/<file>.mp4") for bad in ESCAPES),
    ],
    "thumos14": [
        ("video_validation_0000002 0.5", "a start and an end"),
        ("video_validation_0000002 2.5 0.5", "ends before it begins"),
        (b"video_validation_0000002\xff 0.5 2.0", "is not UTF-8"),
        *((f"{bad} 0.5 2.0", "a start and an end") for bad in ESCAPES),
        *((f"video_validation_{bad} 0.5 2.0", "a start and an end") for bad in ESCAPES),
    ],
    "ava": [
        ("abc,0902,0.1,0.2,0.5,0.9,12", "7 columns"),
        ("abc,0902,0.1,0.2,0.5,0.9,81,0", "action '81' is unknown"),
        ("abc,0902,0.1,0.2,1.1,0.9,12,0", "within the frame"),
        ("abc,0902,0.5,0.2,0.1,0.9,12,0", "within the frame"),
        (BOXES.strip(), "listed before"),
        (b"\xff,0902,0.1,0.2,0.5,0.9,12,0", "is not UTF-8"),
        *((f"{bad},0902,0.1,0.2,0.5,0.9,12,0", "there can be no key frame") for bad in ESCAPES),
    ],
    "ava_kinetics": [
        ("abcdefghijk,5.1,0.1,0.2,0.5,0.9,12,0", "8 columns"),
        ("abcdefghijk,5.1,0.1,0.2,0.5,0.9,0", "action '0' is unknown"),
        ("abcdefghijk,5.1,-0.1,0.2,0.5,0.9,12", "within the frame"),
        ("abcdefghijk,5.016949,0.1,0.2,0.5,0.9,12", "listed before"),
        (b"\xff,5.1,0.1,0.2,0.5,0.9,12", "is not UTF-8"),
        *((f"{bad},5.1,0.1,0.2,0.5,0.9,12", "there can be no key frame") for bad in ESCAPES),
    ],
}
LINES |= {f"kinetics{n}": LINES["kinetics400"] for n in (600, 700, 710)}
HACS_CLIPS = [
    ("Archery,bbbbbbbbbbb,training,0,2", "a row has 6 columns"),
    ("Archery,bbbbbbbbbbb,training,2,0,1", "ends before it begins"),
    ("Archery,abcdefghijk,training,0,2,-1", "here and 1 in line 2"),
    (b"Arch\xe9ry,bbbbbbbbbbb,training,0,2,1", "is not UTF-8"),
    *((f"Archery,{bad},training,0,2,1", "is no name of a video") for bad in ESCAPES),
]
VIDEOS: list[tuple[str, dict[str, Any], str]] = [  # an entry of a JSON list: its key, itself, what is said of it
    ("bbbbbbbbbbb", {"subset": "training", "annotations": [{"label": "Archery"}]}, "annotation 1: it must have"),
    ("bbbbbbbbbbb", video(2, 0), "annotation 1: the stretch from 2 to 0 s ends before it begins"),
    ("bbbbbbbbbbb", video(0, 2, subset="train"), "subset 'train'"),
    *((bad, video(0, 2), "is no name of a video") for bad in ESCAPES),
]


def read(name: str, root: Path, split: str = "train", **more: Any) -> None:
    """A list by its reader."""
    module, config = DATASETS[name]
    data = module(config(name=name, num_frames=2, batch_size=1, **more), root)
    data.read(split)
    _ = data.classes


@pytest.fixture
def root(tmp_path, request) -> Path:
    for place, content in LISTS[request.getfixturevalue("name")].items():
        put(tmp_path / place, content)
    return tmp_path


@pytest.mark.parametrize("name", LISTS)
def test_good_lists_are_read(name, root):
    read(name, root)


@pytest.mark.parametrize(("name", "row", "said"), [(name, *case) for name, cases in LINES.items() for case in cases])
def test_a_bad_line_is_named_by_file_and_number(name, root, row, said):
    path = root / TRAINING[name]
    good = path.read_bytes()
    path.write_bytes(good + (row if isinstance(row, bytes) else row.encode()) + b"\n")
    with pytest.raises(UserError, match=said) as error:
        read(name, root)
    assert f"{path}, line {len(good.splitlines()) + 1}" in str(error.value)


@pytest.mark.parametrize(("row", "said"), HACS_CLIPS)
def test_so_it_is_in_the_clips_of_hacs(tmp_path, row, said):
    put(tmp_path / "HACS_segments_v1.1.1.json", database())
    path = put(tmp_path / "HACS_clips_v1.1.1.csv", CLIPS.encode() + (row if isinstance(row, bytes) else row.encode()))
    with pytest.raises(UserError, match=said) as error:
        read("hacs", tmp_path, train_on="clips")
    assert f"{path}, line 3" in str(error.value)


@pytest.mark.parametrize("name", ["activitynet", "activitynet_tal", "hacs", "hacs_tal", "fineaction"])
@pytest.mark.parametrize(("key", "entry", "said"), VIDEOS)
def test_a_bad_entry_is_named_by_file_and_video(name, root, key, entry, said):
    (place,) = LISTS[name]
    put(root / place, database(**{key: entry}))
    with pytest.raises(UserError, match=said) as error:
        read(name, root)
    assert f"{root / place}, video {key}" in str(error.value)


@pytest.mark.parametrize("name", ["activitynet", "hacs_tal", "fineaction", "ssv2"])
@pytest.mark.parametrize(
    ("content", "said"), [(b'{\n"a": "\xff"}', "line 2: byte 7 is not UTF-8"), (b"{\n\n{", "line 3: not JSON")]
)
def test_a_bad_json_is_named_by_line(name, root, content, said):
    path = put(root / list(LISTS[name])[-1], content)
    with pytest.raises(UserError, match=said) as error:
        read(name, root)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["activitynet", "hacs_tal", "fineaction"])
def test_an_id_that_stands_twice_in_a_json_is_named(name, root):
    (place,) = LISTS[name]
    put(root / place, database().replace('{"abcdefghijk"', '{"abcdefghijk": {}, "abcdefghijk"'))
    with pytest.raises(UserError, match="'abcdefghijk' stands there twice") as error:
        read(name, root)
    assert str(root / place) in str(error.value)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"id": "2"}, "record 2: no text under 'template'"),
        ({"id": "2", "template": "Holding [that]"}, "record 2: 'Holding that' is not a class"),
        ({"id": "1", "template": "Holding [it]"}, "record 2: '1' is in record 1 already"),
        *(({"id": bad, "template": "Holding [it]"}, "record 2: .* is no name of a video") for bad in ESCAPES),
    ],
)
@pytest.mark.parametrize("name", ["ssv2"])
def test_a_bad_record_of_something_something_v2_is_named(name, root, record, said):
    path = root / "train.json"
    put(path, json.dumps([*json.loads(path.read_text()), record]))
    with pytest.raises(UserError, match=said) as error:
        read(name, root)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["kinetics400", "kinetics600", "kinetics700"])
def test_a_class_that_the_training_list_lacks_is_named(name, root):
    put(root / "val.csv", KINETICS.replace("archery", "archer"))
    with pytest.raises(UserError, match=r"val\.csv, line 2: 'archer' is not a class .* 'archery'"):
        read(name, root, "test")


@pytest.mark.parametrize("row", ["abc,0902,0.1,0.2,0.5,0.9,,0.9,1", "abc,0902,0.1,0.2,1.5,0.9,,0.9", "a,b,c,d,e,f,g,h"])
def test_a_bad_row_of_a_detectors_file_is_named(tmp_path, row):
    for place, content in LISTS["ava"].items():
        put(tmp_path / place.replace("train", "val"), content)
    path = put(tmp_path / "ava_val_predicted_boxes.csv", "abc,0902,0.1,0.2,0.5,0.9,,0.9\n" + row)
    with pytest.raises(UserError) as error:
        read("ava", tmp_path, "test")
    assert f"{path}, line 2" in str(error.value)


def test_plain_names():
    assert plain("a")
    assert plain("[a] (b)/cc:d.mp4", 2)
    assert not any(plain(bad) for bad in (*ESCAPES, "", ".", "a/b", "a\0"))
    assert not any(plain(bad, 2) for bad in ("a", "a/", "/a", "a//b", "../a", "a/..", "C:a/b", "a/b/c"))

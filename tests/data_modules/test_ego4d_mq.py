"""Ego4D's moment queries: the official list as its conversion reads it, and what is wrong with it."""

import json
from pathlib import Path

import pytest

from data_modules.ego4d import TEST
from data_modules.ego4d_mq import NUM_CLASSES, Ego4dMq, read_moments
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.temporal.module import LocalizationConfig
from internvideo_pl.errors import UserError

OFFICIAL = Path(__file__).parents[3] / "shared/data/videolang/ego4d/mq_label_map_actionformer.txt"


def label(name: str, start: float | str, end: float, **changes) -> dict:
    times = {"video_start_time": 900.0, "video_end_time": 901.0}  # which nobody reads
    return {"label": name, "primary": True, "start_time": start, "end_time": end, **times, **changes}


def put(root: Path, annotated: list, split: str = "val", **clip) -> Path:
    said = [{"annotator_uid": f"u{i}", "labels": labels} for i, labels in enumerate(annotated)]
    entry = {"clip_uid": "c", "video_start_sec": 900.0, "video_end_sec": 1380.0, "annotations": said, **clip}
    content = {"split": split, "videos": [{"video_uid": "v", "split": split, "clips": [entry]}]}
    path = root / "annotations" / f"moments_{'test_unannotated' if split == 'test' else split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def data(root: Path, **changes) -> Ego4dMq:
    return Ego4dMq(LocalizationConfig(name="ego4d_mq", batch_size=2, **changes), root)


def test_primary_labels_of_all_annotators_in_seconds_of_the_clip(tmp_path):
    put(tmp_path, [[label("wash", 3, 5), label("cut", 1, 2, primary=False)], [label("wash", 3, 5), label("dig", 0, 9)]])
    ((clip, uid, start),) = read_moments(tmp_path, "val")
    assert (clip.key, uid, start, clip.duration) == ("c", "v", 900.0, 480.0)
    assert [(each.label, each.start, each.end) for each in clip.instances] == [
        ("wash", 3, 5),
        ("wash", 3, 5),
        ("dig", 0, 9),
    ]


def test_a_clip_without_a_primary_label_is_no_part_of_its_list_but_of_the_test(tmp_path):
    put(tmp_path, [[label("wash", 3, 5, primary=False)]])
    assert list(read_moments(tmp_path, "val")) == []
    put(tmp_path, [], "test", annotations=None)
    assert [clip.instances for clip, *_ in read_moments(tmp_path, TEST)] == [()]


def test_classes_are_sorted_names_of_both_lists(tmp_path):
    put(tmp_path, [[label("wash", 3, 5)]], "train")
    put(tmp_path, [[label('"cut,_chop"', 3, 5), label("wash", 0, 1)]])
    found = data(tmp_path)
    assert found.classes == ['"cut,_chop"', "wash"]
    found.use_features({"c": "f"})
    (sample,) = found.split("test").samples
    assert sample.annotation["labels"] == [0, 1]
    assert found.truth().segment.tolist() == [[3, 5], [0, 1]]
    assert found.protocol["tiou"] == "0.1:0.1:0.5"


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="the official label map is not beside the project")
def test_the_official_label_map_is_the_sorted_list_of_110():
    names = [line.split("\t")[1] for line in OFFICIAL.read_text().splitlines()]
    assert len(set(names)) == NUM_CLASSES
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("labels", "changes", "sentence"),
    [
        ([label("a", 3, 2)], {}, r"annotations\[0\].labels\[0\], ends at 2, before it begins at 3"),
        ([label("a", "3", 4)], {}, r"labels\[0\].start_time, is '3', not a number"),
        ([label("", 3, 4)], {}, r"label, is '', not a name"),
        ([label("a", 3, 4, primary="yes")], {}, "primary, is 'yes', not true or false"),
        ([], {"video_end_sec": 900.0}, r"clips\[0\], ends at second 900"),
        ([], {"annotations": {}}, "annotations, is no list"),
    ],
)
def test_a_bad_entry_is_named_by_file_and_place(tmp_path, labels, changes, sentence):
    path = put(tmp_path, [labels], **changes)
    with pytest.raises(UserError, match=sentence) as error:
        list(read_moments(tmp_path, "val"))
    assert str(path) in str(error.value)


def test_the_miniature_is_read(tmp_path):
    root = make_mini("ego4d_mq", tmp_path, train=4, val=2, test=1, frames=64, workers=1)
    found = data(root, sampling="windows", test_on="all")
    assert found.split("test").official == 7
    assert not found.split("test").missing
    assert all(name.startswith("move_a_") for name in found.classes)

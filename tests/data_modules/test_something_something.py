"""Something-Something's lists in their own formats, and the two orders of its classes."""

import json

import pytest

from data_modules.something_something import SOMETHING_V1, SOMETHING_V2, SomethingConfig, SomethingV1, SomethingV2
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
from tests.data_modules.lists import REAL, keys, put, real

V1_LABELS = "Holding something\nTurning something upside down\nPushing something from left to right\n"
V2_LABELS = {"Holding something": "0", "Something falling like a feather": "1", "Moving something up": "2"}
V2_ROWS = [
    {"id": "7", "label": "a", "template": "Moving [something] up", "placeholders": ["cup"]},
    {"id": "12", "label": "b", "template": "[Something] falling like a feather", "placeholders": ["leaf"]},
    {"id": "3", "label": "c", "template": "Holding [something]", "placeholders": ["pen"]},
]


def v1(root, **config) -> SomethingV1:
    return SomethingV1(SomethingConfig(name="ssv1", num_frames=2, batch_size=1, **config), root)


def v2(root, **config) -> SomethingV2:
    return SomethingV2(SomethingConfig(name="ssv2", num_frames=2, batch_size=1, **config), root)


@pytest.fixture
def first(tmp_path):
    put(tmp_path / "something-something-v1-labels.csv", V1_LABELS)
    put(tmp_path / "something-something-v1-train.csv", "41;Turning something upside down\n9;Holding something\n")
    put(tmp_path / "something-something-v1-validation.csv", "100;Pushing something from left to right\n")
    put(tmp_path / "something-something-v1-test.csv", "5\n6\n")
    for name in ("41", "100", "5"):
        put(tmp_path / "20bn-something-something-v1" / name / "00001.jpg")
    return tmp_path


@pytest.fixture
def second(tmp_path):
    put(tmp_path / "labels" / "labels.json", json.dumps(V2_LABELS))
    put(tmp_path / "labels" / "train.json", json.dumps(V2_ROWS))
    put(tmp_path / "labels" / "validation.json", json.dumps(V2_ROWS[1:2]))
    put(tmp_path / "labels" / "test.json", json.dumps([{"id": "50"}, {"id": "51"}]))
    for name in ("7.webm", "12.webm", "50.webm", "51.webm"):
        put(tmp_path / "20bn-something-something-v2" / name)
    return tmp_path


def test_v1_is_folders_of_pictures_in_the_order_of_its_labels(first):
    data = v1(first)
    train = data.read("train")
    assert data.classes == V1_LABELS.splitlines()
    assert [(sample.key, sample.label) for sample in train.samples] == [("41", 1)]
    assert train.missing == ["9"]
    assert train.samples[0].path == str(first / "20bn-something-something-v1" / "41")
    assert [sample.label for sample in data.read("test").samples] == [2]  # the validation list
    assert v1(first, test_on="test").read("test").samples[0].label == -1


def test_v2_strips_brackets_and_looks_templates_up(second):
    data = v2(second)
    train = data.read("train")
    assert data.classes == ["Holding something", "Something falling like a feather", "Moving something up"]
    assert [(sample.key, sample.label) for sample in train.samples] == [("7", 2), ("12", 1)]
    assert train.missing == ["3"]


def test_v2_test_labels_come_from_the_answers_where_they_are(second):
    assert [sample.label for sample in v2(second, test_on="test").read("test").samples] == [-1, -1]
    put(second / "labels" / "test-answers.csv", "51;Moving something up\n50;Holding something\n")
    assert [sample.label for sample in v2(second, test_on="test").read("test").samples] == [0, 2]


def test_the_first_package_names_its_files_in_full(tmp_path):
    for name, content in {"labels": V2_LABELS, "train": V2_ROWS}.items():
        put(tmp_path / f"something-something-v2-{name}.json", json.dumps(content))
    put(tmp_path / "frames" / "12" / "img_00001.jpg")  # pictures that somebody extracted
    assert keys(v2(tmp_path).read("train")) == ["12"]


def test_sides_in_labels_forbid_mirroring(first):
    assert not v1(first)._flippable()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("41;Turning something upside down;x\n", "line 1: expected id;template"),
        ("41;Holding something\n\n42,Holding something\n", "line 3: expected id;template"),
        ("41;Holding somthing\n", r"line 1: 'Holding somthing' is not a class .* Did you mean 'Holding something'"),
        ("41;Holding something\n9;Holding something\n41;Holding something\n", "line 3: '41' is in line 1 already"),
        (b"41;Holding something\n\xff;x\n", "line 2: byte 1 is not UTF-8"),
    ],
)
def test_wrong_rows_of_v1_are_named(first, content, said):
    path = put(first / "something-something-v1-train.csv", content)
    with pytest.raises(UserError, match=said) as error:
        v1(first).read("train")
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train", "{}", "must hold a list"),
        ("train", '[{"id": "1"}]', "record 1: no text under 'template'"),
        ("train", '[{"template": "Holding [something]"}]', "record 1: no text under 'id'"),
        ("train", '[{"id": 7, "template": "Holding [something]"}]', "record 1: no text under 'id'"),
        ("train", json.dumps([V2_ROWS[0], V2_ROWS[0]]), "record 2: '7' is in record 1 already"),
        ("train", '[{"id": "1", "template": "Moving [something]"}]', "record 1: 'Moving something' is not a class"),
        ("train", '[\n{"id": "1"\n]', "line 3: not JSON"),
        ("labels", '{"Holding something": "0", "Moving something up": "2"}', "without a gap"),
        ("labels", '["Holding something"]', "must map each template"),
    ],
)
def test_wrong_records_of_v2_are_named(second, name, content, said):
    path = put(second / "labels" / f"{name}.json", content)
    with pytest.raises(UserError, match=said) as error:
        v2(second).read("train")
    assert str(path) in str(error.value)


@pytest.mark.parametrize(("make", "facts"), [(v1, SOMETHING_V1), (v2, SOMETHING_V2)])
def test_a_missing_dataset_names_source_layout_and_the_miniature(tmp_path, make, facts):
    with pytest.raises(UserError) as error:
        make(tmp_path).read("train")
    assert all(part in str(error.value) for part in (facts.name, facts.url, facts.layout, "MINI=1"))


@pytest.mark.parametrize(("make", "name"), [(v1, "ssv1"), (v2, "ssv2")])
def test_the_miniatures_are_read_and_opened(tmp_path, make, name):
    data = make(make_mini(name, tmp_path, train=2, val=1, test=1))
    assert [data.read(split).official for split in ("train", "val")] == [8, 4]
    assert not data.read("train").missing
    assert sorted(data.classes) == sorted(v2_mini_classes())
    assert open_source(data.read("train").samples[0].path).frames([0, 11]).shape == (2, 64, 64, 3)


def v2_mini_classes() -> list[str]:
    sides = (("left", "right"), ("right", "left"))
    return [f"Moving something {way}" for way in ("up", "down")] + [
        f"Pushing something from {a} to {b}" for a, b in sides
    ]


@real
def test_real_labels_are_one_set_in_two_orders(tmp_path):
    lists = (REAL / "ssv1/label_map.mmaction2_official_order.txt").read_text()
    put(tmp_path / "something-something-v1-labels.csv", lists)
    official = json.loads((REAL / "ssv2/something-something-v2-labels.reserialised.json").read_text())
    put(tmp_path / "labels.json", json.dumps(official))
    one, two = v1(tmp_path).classes, v2(tmp_path).classes
    assert len(one) == len(two) == SOMETHING_V1.num_classes == SOMETHING_V2.num_classes
    assert sorted(one) == sorted(two)
    assert one != two
    assert one[0] == "Holding something"
    assert two[0] == "Approaching something with your camera"


@real
def test_real_rows_of_v2(tmp_path):
    names = {"train": "train", "validation": "validation", "test": "test"}
    put(tmp_path / "labels.json", (REAL / "ssv2/something-something-v2-labels.reserialised.json").read_bytes())
    put(tmp_path / "test-answers.csv", (REAL / "ssv2/test-answers.head4.csv").read_bytes())
    for name in names:
        put(tmp_path / f"{name}.json", (REAL / f"ssv2/something-something-v2-{name}.head4.json").read_bytes())
    data = v2(tmp_path)
    assert [len(list(data.entries(split))) for split in ("train", "val", "test")] == [4, 4, 4]
    labels = dict(data.entries("val"))
    assert (labels["74225"], labels["116154"]) == (140, 127)  # as VideoMAE V2 lists them
    assert dict(data.entries("test"))["1420"] >= 0

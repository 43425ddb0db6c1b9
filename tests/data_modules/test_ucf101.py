"""UCF101's lists: line ends of Windows, an order that sorting would change, a folder spelt unlike its files."""

import pytest

from data_modules.hmdb51 import FoldConfig
from data_modules.ucf101 import UCF101, UCF101Data, read_classes, read_ucf101
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
from tests.data_modules.lists import REAL, keys, put, real

CLASSES = ["Hammering", "HammerThrow", "HandstandPushups"]
TRAIN = [
    "Hammering/v_Hammering_g08_c01.avi 1",
    "HammerThrow/v_HammerThrow_g08_c01.avi 2",
    "HandstandPushups/v_HandStandPushups_g08_c02.avi 3",
]


def crlf(lines) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


@pytest.fixture
def root(tmp_path):
    lists = tmp_path / "ucfTrainTestlist"
    put(lists / "classInd.txt", crlf(f"{i} {name}" for i, name in enumerate(CLASSES, 1)))
    put(lists / "trainlist01.txt", crlf(TRAIN))
    put(lists / "testlist01.txt", crlf(["HandstandPushups/v_HandStandPushups_g01_c01.avi"]))
    for listed in ("Hammering/v_Hammering_g08_c01.avi", "HandstandPushups/v_HandStandPushups_g01_c01.avi"):
        put(tmp_path / "UCF-101" / listed)
    return tmp_path


def test_the_lists_order_and_paths_are_kept(root):
    data = UCF101Data(FoldConfig(name="ucf101", num_frames=2, batch_size=1), root)
    train, test = data.read("train"), data.read("test")
    assert data.classes == CLASSES != sorted(CLASSES)
    assert [(sample.key, sample.label) for sample in train.samples] == [("Hammering/v_Hammering_g08_c01", 0)]
    assert train.missing == ["HammerThrow/v_HammerThrow_g08_c01", "HandstandPushups/v_HandStandPushups_g08_c02"]
    assert [(sample.key, sample.label) for sample in test.samples] == [
        ("HandstandPushups/v_HandStandPushups_g01_c01", 2)
    ]
    assert data.test_list == "test 1"


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("classInd", ["1 Hammering", "3 HammerThrow"], "line 2: expected '2 <Class>'"),
        ("classInd", ["1 Hammering", "2 Hammering"], "line 2: 'Hammering' is in line 1 already"),
        ("trainlist01", [TRAIN[0][:-2]], "line 1: expected '<Class>/<file>.avi <index>'"),
        ("trainlist01", [TRAIN[0], "Hammering/v_x.avi 2"], "line 2: class 2 is not Hammering, which is 1"),
        ("trainlist01", ["Hamering/v_x.avi 1"], r"line 1: 'Hamering' is not a class .* 'Hammering'"),
        ("trainlist01", [TRAIN[0], TRAIN[0]], "line 2: .* is in line 1 already"),
        ("trainlist01", ["../v_x.avi 1"], "line 1: expected"),
    ],
)
def test_wrong_lines_are_named(root, name, lines, said):
    path = put(root / "ucfTrainTestlist" / f"{name}.txt", crlf(lines))
    with pytest.raises(UserError, match=said) as error:
        read_ucf101(root, "train")
    assert str(path) in str(error.value)


def test_a_line_that_is_not_utf8_is_named(root):
    put(root / "ucfTrainTestlist" / "testlist01.txt", b"Hammering/v_\xff.avi\r\n")
    with pytest.raises(UserError, match="line 1: byte 13 is not UTF-8"):
        read_ucf101(root, "test")


def test_a_missing_dataset_names_source_layout_and_the_miniature(tmp_path):
    with pytest.raises(UserError) as error:
        read_ucf101(tmp_path, "train")
    assert all(part in str(error.value) for part in ("UCF101", UCF101.url, UCF101.layout, "MINI=1"))


def test_the_miniature_is_read_and_opened(tmp_path):
    root = make_mini("ucf101", tmp_path, train=4, test=2)
    for fold in (1, 2, 3):
        train, test = read_ucf101(root, "train", fold), read_ucf101(root, "test", fold)
        assert (len(train.samples), len(test.samples)) == (6 * 8, 6 * 2)
        assert not set(keys(train)) & set(keys(test))
        assert not train.missing
        assert not test.missing
    assert read_classes(root) != sorted(read_classes(root))
    assert any("HandstandPushups/v_HandStand" in sample.key for sample in train.samples)
    assert open_source(train.samples[0].path).num_frames() == 12


@real
def test_real_lists(tmp_path):
    put(tmp_path / "classInd.txt", (REAL / "ucf101/classInd.txt").read_bytes())
    for fold in (1, 2, 3):
        for split, every in (("train", 200), ("test", 80)):
            put(
                tmp_path / f"{split}list0{fold}.txt",
                (REAL / f"ucf101/{split}list0{fold}.every{every}.txt").read_bytes(),
            )
    classes = read_classes(tmp_path)
    assert len(classes) == UCF101.num_classes
    assert classes != sorted(classes)
    assert sorted(classes, key=str.lower) == classes
    counts = [[len(read_ucf101(tmp_path, split, fold).missing) for split in ("train", "test")] for fold in (1, 2, 3)]
    assert counts == [[48, 48], [48, 47], [49, 47]]  # every 200th and every 80th line of the official counts


@real
def test_real_clips_open(tmp_path):
    videos = [open_source(str(path)) for path in sorted((REAL / "ucf101").glob("*.avi"))]
    assert [video.frames([0]).shape for video in videos] == [(1, 240, 320, 3)] * 2

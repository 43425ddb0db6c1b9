"""HMDB51's lists: three splits, names that must not be taken apart, the order of classes."""

import pytest

from data_modules.hmdb51 import HMDB51, FoldConfig, HMDB51Data, read_hmdb51, split_files
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
from tests.data_modules.lists import REAL, keys, put, real

LISTS = "testTrainMulti_7030_splits"
ODD = "Fan_#1!_(a&b~c;d)_[HD].x_kick_f_cm_np1_fr_med_3.avi"


@pytest.fixture
def root(tmp_path):
    for name in ("kick_ball", "kick", "climb_stairs", "climb"):
        for fold in (1, 2, 3):
            marks = ["1", "2", "0"] if fold == 1 else ["2", "1", "0"]
            files = (ODD, f"b_{name}.avi", f"c_{name}.avi")
            lines = [f"{file} {mark} \n" for file, mark in zip(files, marks, strict=True)]
            put(tmp_path / LISTS / f"{name}_test_split{fold}.txt", "".join(lines))
        put(tmp_path / name / ODD)
    put(tmp_path / "kick" / "b_kick.avi")
    return tmp_path


def test_marks_say_what_a_split_trains_on(root):
    train, test = read_hmdb51(root, "train"), read_hmdb51(root, "test")
    assert keys(train) == [f"{name}/{ODD[:-4]}" for name in ("climb", "climb_stairs", "kick", "kick_ball")]
    assert keys(test) == ["kick/b_kick"]
    assert test.missing == ["climb/b_climb", "climb_stairs/b_climb_stairs", "kick_ball/b_kick_ball"]
    assert keys(read_hmdb51(root, "test", 2)) == keys(train)


def test_equal_names_in_two_folders_stay_two_videos(root):
    paths = [sample.path for sample in read_hmdb51(root, "train").samples]
    assert len(set(paths)) == len(paths) == 4


def test_classes_are_in_the_order_of_their_names_not_of_their_files(root):
    data = HMDB51Data(FoldConfig(name="hmdb51", num_frames=2, batch_size=1), root)
    assert data.classes == ["climb", "climb_stairs", "kick", "kick_ball"]
    names = [name + "_test_split1.txt" for name in data.classes]
    assert sorted(names) != names  # the trap: "_b" comes before "_t"
    assert [sample.label for sample in data.read("train").samples] == [0, 1, 2, 3]
    assert data.test_list == "test 1"


def test_a_split_that_there_is_not_is_refused():
    with pytest.raises(UserError, match=r"data\.fold=4 must be 1, 2 or 3"):
        FoldConfig(name="hmdb51", num_frames=2, batch_size=1, fold=4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a.avi 1 \nb.avi 3 \n", "line 2: expected '<file>.avi <0, 1 or 2>'"),
        ("../../secret.avi 1\n", "line 1: expected '<file>.avi <0, 1 or 2>'"),
        ("a.avi\n", "line 1: expected"),
        ("a.avi 1 \na.avi 2 \n", "line 2: 'a.avi' is in line 1 already"),
        (b"a.avi 1 \n\xe4.avi 1 \n", "line 2: byte 1 is not UTF-8"),
    ],
)
def test_wrong_lines_are_named(root, content, said):
    path = put(root / LISTS / "kick_test_split1.txt", content)
    with pytest.raises(UserError, match=said) as error:
        read_hmdb51(root, "train")
    assert str(path) in str(error.value)


def test_a_class_without_its_list_is_an_error(root):
    (root / LISTS / "kick_test_split2.txt").unlink()
    with pytest.raises(UserError, match=r"kick_test_split2\.txt is not in"):
        read_hmdb51(root, "test", 2)


def test_a_missing_dataset_names_source_layout_and_the_miniature(tmp_path):
    with pytest.raises(UserError) as error:
        read_hmdb51(tmp_path, "train")
    assert all(part in str(error.value) for part in ("HMDB51", HMDB51.url, HMDB51.layout, "MINI=1"))


def test_the_miniature_is_read_and_odd_names_open(tmp_path):
    root = make_mini("hmdb51", tmp_path, train=6, test=3)
    counts = [[read_hmdb51(root, split, fold).official for split in ("train", "test")] for fold in (1, 2, 3)]
    assert [test for _, test in counts] == [18, 18, 18]
    assert all(54 < train + test < 90 for train, test in counts)  # some clips are in neither list
    tests = [set(keys(read_hmdb51(root, "test", fold))) for fold in (1, 2, 3)]
    assert sum(map(len, tests)) == len(set.union(*tests))
    for fold in (1, 2, 3):
        assert not tests[fold - 1] & set(keys(read_hmdb51(root, "train", fold)))
    odd = [sample.path for sample in read_hmdb51(root, "train").samples if set(sample.path) & set("#[!&;(~")]
    assert len({name for path in odd for name in set(path) & set("#[!&;(~")}) == 7
    assert all(open_source(path).num_frames() == 12 for path in odd)


@real
def test_real_splits_have_the_official_counts(tmp_path):
    for path in (REAL / "hmdb51").glob("*_test_split*.txt"):
        put(tmp_path / LISTS / path.name, path.read_bytes())
    for fold in (1, 2, 3):
        found = {split: read_hmdb51(tmp_path, split, fold).missing for split in ("train", "test")}
        assert [len(found[split]) for split in ("train", "test")] == [3 * 70, 3 * 30]
    assert list(split_files(tmp_path, 1)) == ["brush_hair", "climb_stairs", "wave"]


@real
def test_the_real_class_names_sort_as_the_public_map():
    names = (REAL / "hmdb51/label_map.txt").read_text().splitlines()
    assert names == sorted(names)
    assert len(names) == HMDB51.num_classes

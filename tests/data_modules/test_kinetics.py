"""Kinetics lists as the releases wrote them, and the folder layouts of the copies that are about."""

from pathlib import Path

import pytest

from data_modules.kinetics import KINETICS400, KINETICS600, KINETICS700, read_classes, read_kinetics
from internvideo_pl.errors import UserError
from tests.data_modules.lists import REAL, real

# rows made up in the forms of the 2017 and 2018 lists
K400 = """label,youtube_id,time_start,time_end,split,is_cc
"zip lining",--aB_3-dE5f,7,17,{split},0
abseiling,_xYz-1_2345,0,10,{split},1
"air drumming",0123456789A,1234,1244,{split},0
"bouncing ball (not juggling)",Q_w_E_r_T_y,62,72,{split},0
"massaging person's head",ABCDEFGHIJK,5,15,{split},0
"""
K600 = """label,youtube_id,time_start,time_end,split
zip lining,--aB_3-dE5f,7,17,{split}
abseiling,_xYz-1_2345,0,10,{split}
"""
TEST = """youtube_id,time_start,time_end,split
--aB_3-dE5f,7,17,test
_xYz-1_2345,0,10,test
"""
CLASSES = ["abseiling", "air drumming", "bouncing ball (not juggling)", "massaging person's head", "zip lining"]
NAMES = [
    "--aB_3-dE5f_000007_000017",
    "_xYz-1_2345_000000_000010",
    "0123456789A_001234_001244",
    "Q_w_E_r_T_y_000062_000072",
    "ABCDEFGHIJK_000005_000015",
]


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(root, split="val", facts=KINETICS400):
    return read_kinetics(root, split, facts, read_classes(root, facts))


@pytest.mark.parametrize("place", ["annotations/val.csv", "val.csv", "validate.csv", "annotations/validate.csv"])
def test_quoted_labels_in_every_place_of_the_list(tmp_path, place):
    put(tmp_path / place, K400.format(split="val"))
    videos = [put(tmp_path / "val" / f"{name}.mp4") for name in NAMES]
    split = read(tmp_path)
    assert read_classes(tmp_path, KINETICS400) == CLASSES
    assert [sample.key for sample in split.samples] == NAMES
    assert [CLASSES[sample.label] for sample in split.samples] == [CLASSES[i] for i in (4, 0, 1, 2, 3)]
    assert [Path(sample.path) for sample in split.samples] == videos
    assert split.missing == []


@pytest.mark.parametrize(
    "place",
    [
        "train/{name}.mp4",
        "train/{label}/{name}.mp4",  # one folder a class
        "train/{underscored}/{name}.mkv",  # ... without spaces
        "train/vol_00/{name}.webm",
        "videos_train/{id}.mp4",  # ids alone
        "{label}/{id}.webm",
        "compress/{name}.MP4",
    ],
)
def test_folder_layouts(tmp_path, place):
    put(tmp_path / "annotations" / "train.csv", K600.format(split="train"))
    for name, label in zip(NAMES, ("zip lining", "abseiling"), strict=False):
        put(tmp_path / place.format(name=name, id=name[:11], label=label, underscored=label.replace(" ", "_")))
    split = read(tmp_path, "train", KINETICS600)
    assert [sample.key for sample in split.samples] == NAMES[:2]
    assert [sample.label for sample in split.samples] == [1, 0]
    assert all(sample.key[:11] in Path(sample.path).name for sample in split.samples)


def test_the_labels_of_the_training_list_count_even_where_the_split_lacks_some(tmp_path):
    put(tmp_path / "train.csv", K400.format(split="train"))
    put(tmp_path / "validate.csv", K600.format(split="validate"))
    put(tmp_path / "val" / f"{NAMES[0]}.mp4")
    assert read(tmp_path).samples[0].label == 4


def test_test_rows_have_no_label(tmp_path):
    put(tmp_path / "train.csv", K400.format(split="train"))
    put(tmp_path / "test.csv", TEST)
    put(tmp_path / "test" / f"{NAMES[0]}.mp4")
    split = read(tmp_path, "test")
    assert [(sample.key, sample.label) for sample in split.samples] == [(NAMES[0], -1)]
    assert split.missing == [NAMES[1]]


def test_newer_test_rows_have_one(tmp_path):
    put(tmp_path / "train.csv", K400.format(split="train"))
    put(tmp_path / "test.csv", K600.format(split="test"))
    put(tmp_path / "test" / f"{NAMES[0]}.mp4")
    assert read(tmp_path, "test").samples[0].label == 4


def test_what_is_not_on_disk_is_counted(tmp_path):
    put(tmp_path / "val.csv", K400.format(split="val"))
    for name in NAMES[1:3]:
        put(tmp_path / "val" / f"{name}.mp4")
    put(tmp_path / "train" / f"{NAMES[0]}.mp4")  # another split's folder does not count
    split = read(tmp_path)
    assert [sample.key for sample in split.samples] == NAMES[1:3]
    assert split.missing == [NAMES[0], *NAMES[3:]]
    assert split.official == 5


def test_a_replacement_stands_in_for_a_damaged_video(tmp_path):
    put(tmp_path / "val.csv", K400.format(split="val"))
    put(tmp_path / "val" / f"{NAMES[0]}.mp4")
    good = put(tmp_path / "replacement" / "replacement_for_corrupted_k400" / f"{NAMES[0]}.mp4")
    assert [Path(sample.path) for sample in read(tmp_path).samples] == [good]


def test_a_missing_dataset_names_source_terms_layout_and_the_miniature(tmp_path):
    with pytest.raises(UserError) as error:
        read_classes(tmp_path / "k400", KINETICS400)
    for part in ("Kinetics-400", "k400", KINETICS400.url, "CC BY 4.0", "annotations/{train,val,test}.csv", "MINI=1"):
        assert part in str(error.value)


def test_another_file_of_the_same_name_is_refused(tmp_path):
    put(tmp_path / "train.csv", "videos/a.mp4 3\nvideos/b.mp4 1\n")  # the working lists of VideoMAE
    with pytest.raises(UserError, match="no column youtube_id"):
        read_classes(tmp_path, KINETICS400)


def test_a_class_of_another_release_is_refused(tmp_path):
    put(tmp_path / "train.csv", K600.format(split="train"))
    put(tmp_path / "val.csv", K400.format(split="val").replace('"zip lining"', "ziplining"))
    put(tmp_path / "val" / f"{NAMES[0]}.mp4")
    with pytest.raises(UserError, match=r"'ziplining' .* Did you mean 'zip lining'"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("zip lining,--aB_3-dE5f,7,17", "line 3: 4 columns, but the head names 5"),
        ("zip, lining,--aB_3-dE5f,7,17,val", "line 3: 6 columns"),  # a label that wanted quotes
        ("zip lining,--aB_3-dE5f,7,sixteen,val", "line 3: expected a youtube_id"),
        ("zip lining,--aB_3-dE5f,17,7,val", "line 3: ends at 7, not after its start at 17"),
        ("zip lining,_xYz-1_2345,0,10,val", "line 3: '_xYz-1_2345_000000_000010' is in line 2 already"),
        (",Q_w_E_r_T_y,0,10,val", "line 3: no label"),
    ],
)
def test_wrong_rows_are_named(tmp_path, row, said):
    head, _, second = K600.format(split="val").splitlines()
    put(tmp_path / "val.csv", "\n".join((head, second, row)) + "\n")
    with pytest.raises(UserError, match=said) as error:
        read(tmp_path, facts=KINETICS600)
    assert str(tmp_path / "val.csv") in str(error.value)


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "val.csv").write_bytes(K600.format(split="val").encode() + b"caf\xe9,Q_w_E_r_T_y,0,10,val\n")
    with pytest.raises(UserError, match="line 4: byte 4 is not UTF-8"):
        read_classes(tmp_path, KINETICS600)


@real
@pytest.mark.parametrize(("year", "facts"), [(400, KINETICS400), (600, KINETICS600)])
def test_real_rows(tmp_path, year, facts):
    for split, head in (("val", 60), ("test", 40)):
        put(tmp_path / f"{split}.csv", (REAL / f"kinetics/kinetics-{year}_{split}.head{head}.csv").read_text())
    assert len(read(tmp_path, "val", facts).missing) == 60
    assert len(read(tmp_path, "test", facts).missing) == 40
    names = (REAL / f"kinetics/label_map_k{year}.mmaction2_sorted.txt").read_text().splitlines()
    assert set(read_classes(tmp_path, facts)) <= set(names)
    assert names == sorted(names)
    assert len(names) == facts.num_classes


def test_facts():
    assert [facts.num_classes for facts in (KINETICS400, KINETICS600, KINETICS700)] == [400, 600, 700]
    assert KINETICS400.splits == {"train": 246534, "val": 19906, "test": 39805}

"""Moments in Time's lists: no head, classes as folders, the two versions told apart."""

import pytest

from data_modules.moments import MOMENTS, MomentsInTime, read_classes, read_moments
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
from tests.data_modules.lists import REAL, put, real

ROWS = "adult+female+singing/yt-a.b_1.mp4,adult+female+singing,3,0\nclapping/x_2.mp4,clapping,2,1\n"


@pytest.fixture
def root(tmp_path):
    put(tmp_path / "moments_categories.txt", "clapping,0\nadult+female+singing,1\n")
    put(tmp_path / "trainingSet.csv", ROWS)
    put(tmp_path / "validationSet.csv", ROWS)
    put(tmp_path / "training" / "adult+female+singing" / "yt-a.b_1.mp4")
    put(tmp_path / "validation" / "clapping" / "x_2.mp4")
    return tmp_path


def test_the_folder_is_the_class_and_the_split_is_not_in_the_list(root):
    train, val = read_moments(root, "train"), read_moments(root, "val")
    assert [(sample.key, sample.label) for sample in train.samples] == [("adult+female+singing/yt-a.b_1", 1)]
    assert [(sample.key, sample.label) for sample in val.samples] == [("clapping/x_2", 0)]
    assert val.missing == ["adult+female+singing/yt-a.b_1"]


def test_it_is_tested_on_validation(root):
    data = MomentsInTime(ClipConfig(name="mitv2", num_frames=2, batch_size=1), root)
    assert data.test_list == "val"
    assert len(data.read("test").samples) == 1
    assert data.classes == ["clapping", "adult+female+singing"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("moments_categories.txt", "clapping,0\ndropping,2\n", "indices must be 0 to 1"),
        ("moments_categories.txt", "clapping,0\ndropping,0\n", "line 2: index 0 is that of 'clapping' already"),
        ("moments_categories.txt", "clapping,zero\n", "line 1: expected name,index"),
        ("moments_categories.txt", "".join(f"c{i},{i}\n" for i in range(339)), "is version 1's"),
        ("trainingSet.csv", "clapping/a.mp4,clapping,3\n", "line 1: expected <class>/<file>.mp4"),
        ("trainingSet.csv", "training/clapping/a.mp4,clapping,3,0\n", "line 1: expected <class>/<file>.mp4"),
        ("trainingSet.csv", "claping/a.mp4,clapping,3,0\n", r"line 1: 'claping' is not among .* 'clapping'"),
        ("trainingSet.csv", "clapping/a.mp4,clapping,3,0\n" * 2, "line 2: 'clapping/a.mp4' is in line 1 already"),
        ("trainingSet.csv", b"clapping/a.mp4,clapping,3,0\n\xc3,x,1,1\n", "line 2: byte 1 is not UTF-8"),
    ],
)
def test_wrong_rows_are_named(root, name, content, said):
    path = put(root / name, content)
    with pytest.raises(UserError, match=said) as error:
        read_moments(root, "train")
    assert str(path) in str(error.value)


def test_a_missing_dataset_names_source_layout_and_the_miniature(tmp_path):
    with pytest.raises(UserError) as error:
        read_moments(tmp_path, "train")
    assert all(part in str(error.value) for part in ("Moments in Time", MOMENTS.url, "moments_categories", "MINI=1"))


def test_the_miniature_is_read_and_opened(tmp_path):
    root = make_mini("mitv2", tmp_path, train=2, val=1)
    train, val = read_moments(root, "train"), read_moments(root, "val")
    assert (len(train.samples), len(val.samples), train.missing, val.missing) == (24, 12, [], [])
    assert len(read_classes(root)) == 12 != len(set(read_classes(root)) - {"adult+female+singing"})
    assert open_source(val.samples[0].path).num_frames() == 12


@real
def test_real_categories(tmp_path):
    put(tmp_path / "category_momentsv2.txt", (REAL / "mit/category_momentsv2.txt").read_bytes())
    assert len(read_classes(tmp_path)) == MOMENTS.num_classes
    put(tmp_path / "moments_categories.txt", (REAL / "mit/label_map_v1_339.txt").read_bytes())
    with pytest.raises(UserError, match="is version 1's"):
        read_classes(tmp_path)

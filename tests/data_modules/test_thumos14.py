"""THUMOS14: text files by class, ambiguous stretches apart, classes by UCF101's numbers, bad lines by number."""

import pytest

from data_modules.thumos14 import Thumos14, Thumos14Config, read_annotation, read_classes
from internvideo_pl.errors import UserError
from tests.data_modules.untrimmed import ROWS, real_rows, touch


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "annotation"
    folder.mkdir()
    (tmp_path / "detclasslist.txt").write_text("22 CliffDiving\r\n26 Diving\r\n")
    for split, word in (("val", "validation"), ("test", "test")):
        (folder / f"CliffDiving_{split}.txt").write_text(f"video_{word}_0000161  11.3 14.1\r\n")
        (folder / f"Diving_{split}.txt").write_text(f"video_{word}_0000161  11.3 14.1\nvideo_{word}_0000270 1.0 2.5\n")
        (folder / f"Ambiguous_{split}.txt").write_text(
            f"video_{word}_0000161 20.0 21.0\nvideo_{word}_0001292 0.0 3.0\n"
        )
        for number in ("0000161", "0000270", "0001292"):
            touch(tmp_path / f"TH14_{word}_set_mp4" / f"video_{word}_{number}.mp4")
    return tmp_path


def data(root, **more) -> Thumos14:
    return Thumos14(Thumos14Config(name="thumos14", batch_size=1, **more), root)


def test_cliff_diving_is_diving_too_and_ambiguous_stretches_are_no_class(root):
    found = data(root)
    assert found.classes == ["CliffDiving", "Diving"]
    first, *_ = found.split("train").samples
    assert first.annotation == {
        "duration": None,
        "segments": [[11.3, 14.1], [11.3, 14.1]],
        "labels": [0, 1],
        "ambiguous": [[20.0, 21.0]],
    }
    truth = found.truth()
    assert truth.label.tolist() == [0, 1, -1, 1]
    assert truth.keys == ["video_test_0000161", "video_test_0000270"]


@pytest.mark.parametrize(("which", "kept"), [("213", 3), ("212", 2), ("211", 1)])
def test_the_test_list_says_how_many_videos_it_leaves(root, which, kept):
    found = data(root, test_videos=which)
    assert len(found.split("test").samples) == kept
    assert found.protocol["test_videos"] == which
    assert found.protocol["tiou"] == "0.3:0.1:0.7"


def test_papers_and_the_official_evaluator_are_both_asked(root):
    papers, official = data(root).evaluations()
    assert (papers.evaluator, papers.thresholds) == ("activitynet", (0.3, 0.4, 0.5, 0.6, 0.7))
    assert (official.evaluator, official.name) == ("thumos14", "thumos14")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("video_test_0000300 5.0 4.0", "Diving_test.txt, line 3: the stretch from 5 to 4 s ends before it begins"),
        ("video_test_0000300 5.0", "Diving_test.txt, line 3: 'video_test_0000300 5.0' is not a video_test_<number>"),
        ("video_validation_0000300 5.0 6.0", "line 3: .* is not a video_test_<number>"),
        ("video_test_0000300 a b", "line 3: start 'a' and end 'b' are not two numbers"),
    ],
)
def test_a_bad_line_is_named(root, line, sentence):
    path = root / "annotation" / "Diving_test.txt"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match=sentence):
        data(root).split("test")


def test_unknown_and_missing_classes_bytes_and_lists_are_named(root):
    folder = root / "annotation"
    (folder / "Dving_test.txt").write_text("")
    with pytest.raises(UserError, match=r"Dving_test.txt is of no class of the class list. Did you mean 'Diving'"):
        data(root).split("test")
    (folder / "Dving_test.txt").rename(folder / "CliffDiving_test.txt")
    (folder / "Diving_test.txt").write_bytes(b"video_test_0000001 1 2\n\xfe\n")
    with pytest.raises(UserError, match=r"Diving_test.txt, line 2: byte"):
        data(root).split("test")
    (folder / "Diving_test.txt").unlink()
    with pytest.raises(UserError, match=r"annotation/Diving_test.txt is not in"):
        data(root).split("test")
    (root / "detclasslist.txt").write_text("22 CliffDiving\n26 CliffDiving\n")
    with pytest.raises(UserError, match="line 2: '26 CliffDiving' is not a number and the name of a new class"):
        read_classes(root)


@real_rows
def test_real_rows_parse():
    classes = read_classes(ROWS / "thumos14")
    assert len(classes) == 20
    assert list(classes.values())[:4] == [7, 9, 12, 21]
    assert classes["VolleyballSpiking"] == 97
    for which in ("val", "test"):
        videos = read_annotation(ROWS / "thumos14", which, list(classes))
        labels = [each.label for video in videos for each in video.instances]
        assert {labels.count(name) for name in classes} == {15}  # rows of each class in the excerpt
        assert sum(len(video.ambiguous) for video in videos) == 15
        diving = {(v.key, i.start, i.end) for v in videos for i in v.instances if i.label == "Diving"}
        cliff = {(v.key, i.start, i.end) for v in videos for i in v.instances if i.label == "CliffDiving"}
        assert cliff & diving  # the same stretches are both

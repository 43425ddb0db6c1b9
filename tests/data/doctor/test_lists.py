"""Lists against the disk: what the doctor says of files that are missing, extra, replaced, or listed twice."""

from internvideo_pl.data.doctor.lists import check_lists, read_lists
from tests.data.doctor.toy import toy


def checks(data, *wanted, mini=False):
    found = check_lists(read_lists(data, wanted or ("train", "test")), mini)
    return {check.name: check for check in found}


def test_a_whole_dataset_is_all_right(tmp_path):
    files = "train/a.mp4 train/b.mp4 train/deep/c.mp4 test/d.mp4 test/e.mp4"
    found = checks(toy(tmp_path, train="a b c", test="d e", files=files))
    assert {name: check.verdict for name, check in found.items()} == {
        "train list": "ok",
        "test list (test)": "ok",
        "extra files": "ok",
    }
    assert found["train list"].found == "3 of 3 videos on disk"


def test_missing_videos_are_named_with_their_source_and_layout(tmp_path):
    found = checks(toy(tmp_path, train="a b c", test="d e", files="train/a.mp4 test/d.mp4 test/e.mp4"))
    check = found["train list"]
    assert (check.verdict, check.items) == ("warning", ["b", "c"])
    assert check.found == "1 of 3 videos on disk, 2 missing"
    for part in ("https://example.org/toy", "research only", "<split>/<key>.mp4"):
        assert part in check.todo


def test_no_video_at_all_or_no_list_is_what_no_run_survives(tmp_path):
    found = checks(toy(tmp_path, train="a b c", files="test/d.mp4"))
    assert found["train list"].verdict == "fails"
    assert found["test list (test)"].verdict == "fails"
    assert "test.txt is not in" in found["test list (test)"].found
    assert "MINI=1" in found["test list (test)"].todo


def test_another_list_than_the_official_one_is_said_unless_it_is_a_miniature(tmp_path):
    data = toy(tmp_path, train="a b", test="d e", files="train/a.mp4 train/b.mp4 test/d.mp4 test/e.mp4")
    check = checks(data)["train list"]
    assert check.verdict == "warning"
    assert "the official list has 3 entries" in check.found
    assert checks(data, mini=True)["train list"].verdict == "ok"


def test_extra_files_are_those_that_no_list_names(tmp_path):
    files = "train/a.mp4 train/b.mp4 train/c.mp4 train/d.mp4 test/e.mp4 train/x.mkv train/deep/y.webm val/z.mp4"
    data = toy(tmp_path, train="a b", val="v", test="e", files=f"{files} train/no.txt train/.hidden/h.mp4")
    check = checks(data)["extra files"]
    assert check.verdict == "warning"
    assert check.found == "4 video files that no list names"
    assert check.items == ["train/c.mp4", "train/d.mp4", "train/deep/y.webm", "train/x.mkv"]  # not of a split unread


def test_files_of_a_list_that_is_not_read_are_not_extra(tmp_path):
    files = "train/a.mp4 train/b.mp4 train/c.mp4 test/d.mp4 test/e.mp4"
    data = toy(tmp_path, train="a b c", test="d e", files=files)
    assert checks(data, "test")["extra files"].verdict == "ok"
    assert "train list" not in checks(data, "test")


def test_a_replaced_file_is_not_extra(tmp_path):
    data = toy(tmp_path, train="a b", test="e", files="train/a.mp4 replacement/a.mp4 train/b.mp4 test/e.mp4")
    check = checks(data)["extra files"]
    assert check.verdict == "ok"
    assert check.items == ["train/a.mp4 (read from replacement/a.mp4)"]


def test_a_video_in_both_lists_and_a_video_listed_twice(tmp_path):
    files = "train/a.mp4 train/b.mp4 train/c.mp4 test/c.mp4 test/d.mp4"
    data = toy(tmp_path, train="a b c", test="c d d", files=files)
    found = check_lists(read_lists(data, ("train", "test")), mini=True)
    leak = next(check for check in found if check.name == "leakage")
    assert (leak.verdict, leak.items) == ("warning", ["c"])
    twice = [check for check in found if check.name == "test list (test)" and "more than once" in check.found]
    assert [check.items for check in twice] == [["d"]]

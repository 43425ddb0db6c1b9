"""What is said of a scan: unreadable files and the budget, lengths, claims of containers."""

import pytest

from internvideo_pl.data.doctor.lists import read_lists
from internvideo_pl.data.doctor.quality import check_containers, check_files, check_formats, check_lengths
from tests.data.doctor.toy import scanned, toy

FILES = "train/a.mp4 train/b.mp4 train/c.mp4 test/d.mp4 test/e.mp4"
BAD = {"status": "unreadable", "reason": "cut short", "frames": 0, "seconds": 0.0}


@pytest.fixture
def data(tmp_path):
    return toy(tmp_path, train="a b c", test="d e", files=FILES, bad_videos=0.4)  # of three videos one may be bad


def files(data, full=True, **records):
    lists = read_lists(data, ("train", "test"))
    return {check.name: check for check in check_files(lists, scanned(data, "train", "test", **records), full)}


def test_all_sound(data):
    found = files(data)
    assert [check.verdict for check in found.values()] == ["ok", "ok"]
    assert found["decoding, train"].found == "3 of 3 files decoded: all sound"


def test_bad_files_are_named_with_their_reason(data):
    check = files(data, a={"status": "damaged", "reason": "frame 7 is damaged"}, b=BAD)["decoding, train"]
    assert check.verdict == "warning"
    assert check.found == "3 of 3 files decoded: 1 damaged, 1 unreadable"
    assert check.items == ["a: damaged, frame 7 is damaged", "b: unreadable, cut short"]


def test_more_unreadable_files_than_the_budget_allows_fail_in_training_only(data):
    found = files(data, a=BAD, b=BAD, d=BAD)
    assert found["decoding, train"].verdict == "fails"
    assert "at more than 1 unreadable" in found["decoding, train"].todo
    assert found["decoding, test"].verdict == "warning"
    assert "bounds" in found["decoding, test"].todo


def test_damage_within_files_does_not_count_against_the_budget(data):
    damaged = {"status": "damaged", "reason": "frame 7 is damaged"}
    assert files(data, a=damaged, b=damaged)["decoding, train"].verdict == "warning"


def test_nothing_readable_at_all_fails_in_evaluation_too(data):
    assert files(data, d=BAD, e=BAD | {"status": "stuck"})["decoding, test"].verdict == "fails"


def test_a_sample_is_extrapolated(tmp_path):
    keys = [f"v{i}" for i in range(100)]
    data = toy(tmp_path, train=" ".join(keys), test="d", files=" ".join(f"train/{k}.mp4" for k in keys) + " test/d.mp4")
    scan = scanned(data, "train", v3=BAD)
    scan.chosen["train"] = scan.chosen["train"][:10]
    (check,) = check_files(read_lists(data, ("train",)), scan, full=False)
    assert (check.verdict, check.found) == ("warning", "10 of 100 files decoded: 1 unreadable")
    assert "there are 10 in all, and training stops at more than 1: try FULL=1" in check.todo


def lengths(data, mini=False, **records):
    lists = read_lists(data, ("train", "test"))
    return {check.name: check for check in check_lengths(lists, scanned(data, "train", "test", **records), mini)}


def test_clips_need_as_many_frames_as_their_stride_spans(data):
    check = lengths(data, a={"frames": 6}, b={"frames": 7}, c=BAD)["length for a clip"]
    assert check.verdict == "warning"
    assert check.items == ["a: 6 frames"]  # 4 frames, stride 2: 7
    assert check.found == "1 of 4 shorter than a clip of 4 frames, stride 2 (7 frames)"


def test_segments_need_as_many_frames_as_they_are(tmp_path):
    data = toy(tmp_path, train="a b", test="d", files=FILES, sampling="segments")
    lists = read_lists(data, ("train",))
    found = check_lengths(lists, scanned(data, "train", a={"frames": 3}, b={"frames": 4}), mini=False)
    assert found[0].items == ["a: 3 frames"]


def test_a_length_that_is_not_the_annotated_one(data):
    check = lengths(data, a={"seconds": 5.0, "frames": 50}, b={"seconds": 9.2}, c={"seconds": 10.9})[
        "length as annotated"
    ]
    assert check.verdict == "warning"
    assert check.items == ["a: 5.00 s, expected 10.00 s"]


def test_a_copy_that_is_shorter_as_a_whole_is_said_once(data):
    short = {key: {"seconds": 5.0} for key in "abcde"} | {"e": {"seconds": 10.0}}
    check = lengths(data, **short)["length as annotated"]
    assert check.verdict == "warning"
    assert check.items == ["e: 10.00 s, expected 5.00 s"]
    assert "0.50 of it" in check.found
    mini = lengths(data, mini=True, **{key: {"seconds": 1.5} for key in "abcde"})["length as annotated"]
    assert (mini.verdict, mini.found) == ("ok", "all as long as annotated")


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"stated_frames": 100, "stated_fps": 10.0, "stated_seconds": 10.3}, ""),
        ({"stated_frames": 150}, "claims 150 frames, holds 100"),
        ({"stated_fps": 25.0}, "claims 25.00 frames a second, holds 10.00"),
        ({"stated_seconds": 20.0}, "claims 20.00 s, holds 10.00 s"),
        ({}, ""),
    ],
)
def test_claims_of_containers(data, claims, says):
    scan = scanned(data, "train", b=claims)
    check = check_containers(scan.records.values())
    assert check.items == ([f"b: {says}"] if says else ())
    assert check.verdict == ("warning" if says else "ok")


def test_formats_name_what_is_frequent(data):
    odd = {"codec": "vp9", "fps": 29.97, "width": 340, "height": 256, "seconds": 12.0}
    found = check_formats(scanned(data, "train", "test", a=odd, b=BAD).records.values())
    assert found.found == "h264, vp9; 10 fps, 29.97 fps; 64 x 48, 340 x 256; 10.0 to 12.0 s, half under 10.0 s"

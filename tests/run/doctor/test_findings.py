"""What the doctor finds in the lists and videos of a miniature: nothing in a sound one, every fault of a broken one."""

import csv
import shutil
from pathlib import Path

from internvideo_pl.__main__ import main
from internvideo_pl.data.manifest import Manifest
from tests.run.doctor.report import LISTS, NAME, doctor, findings, listed


def test_a_sound_miniature_is_all_right(capsys, whole):
    code, report = doctor(capsys, NAME, "--mini", f"data.root={whole}")
    assert code == 0
    assert report["can_run"]
    assert findings(report) == {}
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert found["train list"] == "10 of 10 videos on disk"
    assert found["decoding, test"] == "6 of 6 files decoded: all sound"
    assert found["length as annotated"] == "all as long as annotated"
    assert "clips/s" in found["reading"]


def test_exactly_what_is_wrong_is_found(capsys, broken):
    code, report = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    assert code == 0  # warnings do not keep it from running
    folder = "videos/all/"
    found = findings(report)
    assert found.keys() == {"train list", "extra files", "decoding, test", "length as annotated", "leakage"}
    assert found["train list"] == [Path(broken["deleted"]).stem]
    assert found["extra files"] == [f"{folder}stranger.mp4"]
    assert [line.split(":")[0] for line in found["decoding, test"]] == [folder + broken["cut"]]
    assert found["length as annotated"] == [f"{folder}{broken['long']}: 4.00 s, expected 1.50 s"]
    pair = {f"{folder}{broken['copied']} (train)", f"{folder}{broken['leaked']} (test)"}
    assert [set(line.split(" = ")) for line in found["leakage"]] == [pair]
    with open(report["findings"], newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["check"], row["item"]) for row in rows} >= {
        (name, item) for name, items in found.items() for item in items
    }


def test_a_folder_may_be_named_from_within(capsys, broken, monkeypatch, tmp_path):
    _, from_afar = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    monkeypatch.chdir(broken["root"])
    _, from_within = doctor(capsys, NAME, "--mini", "data.root=.")
    assert findings(from_within) == findings(from_afar)
    assert from_within["manifests"] == from_afar["manifests"]
    known = Manifest.load(tmp_path / "cache", Path("."))
    assert known.hopeless([f"videos/all/{broken['cut']}"]).keys() == {f"videos/all/{broken['cut']}"}


def test_the_table_names_the_first_few_and_what_to_do(capsys, broken):
    assert main(["doctor", NAME, "--mini", f"data.root={broken['root']}"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for part in (
        "9 of 10 videos on disk, 1 missing: " + Path(broken["deleted"]).stem,
        f"{NAME} can run; 5 warnings",
        "1 video both in the training files and in the test files",
        "1 video file that no list names: videos/all/stranger.mp4",
        "to do: msrvtt, leakage: take the copies out of the training list",
        "research use; each video belongs to its uploader",  # terms
        "github.com/ArrowLuo/CLIP4Clip",  # official source
        "findings.csv",
    ):
        assert part in printed


def test_full_decodes_all_and_a_sample_so_many(capsys, whole):
    words = [NAME, "--mini", f"data.root={whole}"]
    _, report = doctor(capsys, *words, "--sample", "4")
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert found["decoding, train"] == "2 of 10 files decoded: all sound"
    assert found["decoding, test"] == "2 of 6 files decoded: all sound"
    _, report = doctor(capsys, *words, "--full")
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert found["decoding, train"] == "10 of 10 files decoded: all sound"


def test_a_test_that_cannot_read_anything_cannot_run(capsys, whole, tmp_path):
    root = tmp_path / "msrvtt"
    shutil.copytree(whole, root)
    for key in listed(root / LISTS["test"]):
        (root / "videos" / "all" / f"{key}.mp4").write_bytes(b"gone")
    code, report = doctor(capsys, NAME, "--mini", f"data.root={root}")
    assert (code, report["can_run"]) == (2, False)
    assert [check["name"] for check in report["checks"] if check["verdict"] == "fails"] == ["decoding, test"]


def test_a_test_list_without_labels(capsys, zeroshot):
    code, report = doctor(capsys, *zeroshot, "data.test_on=test")
    assert code == 2
    assert [check["name"] for check in report["checks"] if check["verdict"] == "fails"] == ["labels"]

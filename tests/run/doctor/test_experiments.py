"""What the doctor says of experiments beside their videos: names, lists, parents, parts, stages and features."""

import numpy as np
import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config import load_experiment
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.run import doctor as run_doctor
from internvideo_pl.run.schemas import SCHEMAS
from tests.run.doctor.report import NAME, doctor


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pretrain/masked_k400_bse"], "Did you mean 'pretrain/masked_k400_base'?"),
        ([NAME, "data.num_worker=1"], "Did you mean 'num_workers'?"),
        ([NAME, "--sample", "0"], "must be at least 1"),
        ([NAME, "--sampel", "3"], "internvideo doctor --help"),
        ([], "Which experiment?"),
        (["demo", "--data", "."], "the folder of one dataset"),
    ],
)
def test_mistakes_are_one_sentence(capsys, words, says):
    assert main(["doctor", *words]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert captured.out == ""


def test_missing_data_and_parents_are_named_with_what_to_do(capsys, tmp_path):
    code, report = doctor(capsys, "posttrain/k400_masked_base", f"paths.data={tmp_path}")
    assert code == 2
    failing = {check["name"]: check for check in report["checks"] if check["verdict"] == "fails"}
    assert failing.keys() == {"parent, backbone", "official lists"}
    assert "pretrain/masked_k400_base" in failing["parent, backbone"]["todo"]
    for part in ("cvdfoundation/kinetics-dataset", "CC BY 4.0", "annotations/{train,val,test}.csv", "MINI=1"):
        assert part in failing["official lists"]["found"]
    assert any("damaged" in check["found"] for check in report["checks"] if check["name"] == "known defects")
    assert list((tmp_path / "results").rglob("*")) == []  # it leaves nothing there


def test_a_mixture_goes_without_its_optional_parts(capsys, tmp_path):
    code, report = doctor(capsys, "pretrain/masked_base_hybrid", f"paths.data={tmp_path}")
    assert code == 2
    lists = {check["about"]: check for check in report["checks"] if check["name"] == "official lists"}
    assert {name: check["verdict"] for name, check in lists.items()} == {
        **dict.fromkeys(("kinetics400", "webvid2m", "ava", "ssv2"), "fails"),
        "self_collected": "warning",
    }
    assert lists["self_collected"]["todo"].startswith("the mixture goes without it")


def test_parts_that_do_not_fit(capsys, whole):
    code, report = doctor(capsys, NAME, "--mini", f"data.root={whole}", "parents.tower=x")
    assert code == 2
    assert [check["name"] for check in report["checks"] if check["verdict"] == "fails"] == ["parts"]


def test_a_model_that_cannot_be_built(capsys, whole, monkeypatch):
    def refused(*_, **__):
        raise UserError("CLIP's vocabulary is not here")

    monkeypatch.setattr(run_doctor, "build_module", refused)
    code, report = doctor(capsys, NAME, "--mini", f"data.root={whole}")
    assert code == 2
    failing = [check for check in report["checks"] if check["verdict"] == "fails"]
    assert [(check["name"], check["found"]) for check in failing] == [("model", "CLIP's vocabulary is not here")]


def test_a_cache_that_cannot_be_written_is_one_sentence(capsys, whole, tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    assert main(["doctor", NAME, "--mini", f"data.root={whole}", f"paths.cache={blocked}"]) == 2
    captured = capsys.readouterr()
    assert "point INTERNVIDEO_CACHE to another folder" in captured.err
    assert len(captured.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("parent", "verdict"),
    [("internvideo_mae_b", "warning"), ("owner/name", "warning"), ("pretrain/nothing", "fails"), ("x.pth", "fails")],
)
def test_parents_that_a_run_would_download(capsys, whole, parent, verdict):
    words = [NAME, "--mini", f"data.root={whole}", f"checkpoint={parent}"]
    _, report = doctor(capsys, *words)
    assert next(check["verdict"] for check in report["checks"] if check["name"] == "parent, backbone") == verdict


def test_the_stages_of_a_pipeline_and_each_dataset_once():
    sizes = {"train": 2, "val": 1, "test": 2}
    stages = []
    for name in load_experiment("demo", schemas=SCHEMAS).stages:
        known = ("train", "test") if "msrvtt" in name else ("train", "val", "test")
        words = [f"data.mini_sizes.{key}={sizes[key]}" for key in known]
        stages.append(load_experiment(name, words, mini=True, schemas=SCHEMAS))
    diagnosis = run_doctor.diagnose("demo", stages, sample=4)
    assert diagnosis.verdict == "ok"
    about = [about for about, _ in diagnosis.lines]
    assert {"zeroshot/k400_base", "coordinate/k400_base_control", "kinetics400", "msrvtt", "machine"} <= set(about)
    checks = [check for _, check in diagnosis.lines]
    assert [check.name for check in checks].count("train list") == 2
    assert "runs before it" in next(check.found for check in checks if check.name == "parent, masked")
    assert len(diagnosis.manifests) == 2


def test_what_trains_on_features_is_told_of_features(capsys, tmp_path):
    root = make_mini("thumos14", tmp_path / "made", workers=1, train=4, val=2)
    words = ["localize/thumos14", "--mini", f"data.root={root}"]
    code, report = doctor(capsys, *words)
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert code == 0
    assert "the same command runs its miniature first" in found["parent, features"]
    assert "decoding, train" in found  # of these videos features will be made
    assert "reading" not in found
    folder = tmp_path / "features"
    folder.mkdir()
    for video in root.rglob("*.mp4"):
        np.save(folder / f"{video.stem}.npy", np.zeros((4, 8), np.float32))
    code, report = doctor(capsys, *words, f"parents.features={folder}")
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert code == 0
    assert found["train list"] == "4 of 4 videos on disk"
    assert "decoding, train" not in found

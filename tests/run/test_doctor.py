"""The doctor from the command line: what it finds in a broken miniature, what later doctors and runs need not do."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.config import load_experiment
from internvideo_pl.data import clips
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.doctor import pool
from internvideo_pl.data.manifest import Manifest
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.run import doctor as run_doctor
from internvideo_pl.run import examine
from internvideo_pl.run.build import build_data
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.weights import save_model
from internvideo_pl.tables.row import read_rows
from tests.data.clips import write_video

NAME = "pretrain/align_msrvtt_base"
REAL = Path(__file__).resolve().parents[3] / "shared" / "videos"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """A cache and results of this test's own, and a measurement that takes no time."""
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(examine, "MEASURED", 0.1)
    return tmp_path


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """A small miniature of MSR-VTT; not to be changed."""
    return make_mini("msrvtt", tmp_path_factory.mktemp("mini"), workers=1, train=10, test=6)


@pytest.fixture
def broken(whole, tmp_path) -> dict[str, str]:
    """The miniature with a fault of each kind: the names of the files, by fault."""
    root = tmp_path / "msrvtt"
    shutil.copytree(whole, root)
    lists = {split: _listed(root / name) for split, name in LISTS.items()}
    videos = root / "videos" / "all"
    deleted, long, copied, *_ = [videos / f"{key}.mp4" for key in lists["train"]]
    cut, leaked, *_ = [videos / f"{key}.mp4" for key in lists["test"]]
    deleted.unlink()
    write_video(long, frames=40)  # 4 s, where the list says 1.5
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    shutil.copy(copied, leaked)
    shutil.copy(videos / f"{lists['train'][4]}.mp4", videos / "stranger.mp4")
    return {
        "root": str(root),
        **{
            name: path.name for name, path in locals().items() if name in ("deleted", "long", "copied", "cut", "leaked")
        },
    }


LISTS = {"train": "MSRVTT_train.9k.csv", "test": "MSRVTT_JSFUSION_test.csv"}


def _listed(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return [row["video_id"] for row in csv.DictReader(file)]


def doctor(capsys, *words: str) -> tuple[int, dict]:
    """Exit code and the JSON that is printed."""
    capsys.readouterr()
    code = main(["doctor", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def findings(report: dict) -> dict[str, list[str]]:
    """Everything named by the checks that are not all right."""
    return {check["check"]: check["items"] for check in _checks(report) if check["verdict"] != "ok"}


def _checks(report: dict) -> list[dict]:
    return [{"check": check["name"], **check} for check in report["checks"]]


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


def test_a_second_doctor_decodes_nothing_and_says_the_same(capsys, broken, monkeypatch):
    _, first = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    asked = []

    def inspected(jobs, processes):
        asked.extend(job.name for job in jobs)
        return real(jobs, processes)

    real = pool.inspect_all
    monkeypatch.setattr(pool, "inspect_all", inspected)
    _, second = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    assert asked == []
    assert findings(second) == findings(first)
    write_video(Path(broken["root"]) / "videos" / "all" / broken["cut"], frames=15)  # mended
    _, third = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    assert asked == [f"videos/all/{broken['cut']}"]
    assert findings(third).keys() == findings(first).keys() - {"decoding, test"}


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
    for key in _listed(root / LISTS["test"]):
        (root / "videos" / "all" / f"{key}.mp4").write_bytes(b"gone")
    code, report = doctor(capsys, NAME, "--mini", f"data.root={root}")
    assert (code, report["can_run"]) == (2, False)
    assert [check["name"] for check in report["checks"] if check["verdict"] == "fails"] == ["decoding, test"]


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


def data_of(root: str, tmp_path: Path):
    words = [f"data.root={root}", f"paths.cache={tmp_path / 'cache'}", "data.cache_gb=0", "data.batch_size=2"]
    return build_data(load_experiment(NAME, words, mini=True, schemas=SCHEMAS), FrameCache())


def test_a_run_does_not_try_again_what_cannot_be_read(capsys, broken, tmp_path, monkeypatch):
    root = Path(broken["root"])
    torn = sorted((root / "videos" / "all").glob("*.mp4"))
    torn = next(path for path in torn if path.stem in _listed(root / LISTS["train"]) and path.name != broken["long"])
    torn.write_bytes(b"no video")

    def read(data) -> tuple[list, list, set[str]]:
        tried = []
        real = clips.open_source
        monkeypatch.setattr(clips, "open_source", lambda path: tried.append(path) or real(path))
        batches = [*data.train_dataloader(), *data.test_dataloader()]
        monkeypatch.setattr(clips, "open_source", real)
        faults = sorted((fault.path, fault.reason) for batch in batches for fault in batch.faults)
        return faults, [(batch.index.tolist(), batch.video.sum().item()) for batch in batches], set(tried)

    before = read(data_of(broken["root"], tmp_path))
    bad = {str(torn), str(root / "videos" / "all" / broken["cut"])}
    assert {path for path, _ in before[0]} == bad <= before[2]
    doctor(capsys, NAME, "--mini", f"data.root={root}", "data.bad_videos=1")
    data = data_of(broken["root"], tmp_path)
    after = read(data)
    assert after[0] == before[0]
    assert after[1] == before[1]  # the same substitutes in the same places, the same pixels
    assert after[2] == before[2] - bad
    assert [fault.path for fault in data.split("train").faults] == [str(torn)]  # counted before training starts
    stamp = os.stat(torn)
    os.utime(torn, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))  # changed: it is tried again
    assert str(torn) in read(data_of(broken["root"], tmp_path))[2]


@pytest.fixture
def zeroshot(tmp_path) -> list[str]:
    """Arguments of a zero-shot evaluation on a miniature of twelve videos, two of which cannot be read."""
    root = make_mini("kinetics400", tmp_path / "made", workers=1, train=1, val=1, test=1)
    for path in sorted((root / "val").iterdir())[:2]:
        path.write_bytes(b"no video")
    (tmp_path / "parent").mkdir()
    save_model(MultimodalChoice(size="tiny", num_frames=2).build(), tmp_path / "parent")
    return ["zeroshot/k400_base", "--mini", f"parents.backbone={tmp_path / 'parent'}", f"data.root={root}"]


def test_an_evaluation_counts_what_the_doctor_knows_and_never_stops(capsys, zeroshot, tmp_path):
    code, report = doctor(capsys, *zeroshot)
    assert code == 0
    assert len(findings(report)["decoding, test"]) == 2
    assert main(["run", *zeroshot, "wandb.mode=disabled"]) == 0
    row = read_rows(tmp_path / "results" / "zeroshot" / "k400_base" / "001")[0][0]
    assert (row.coverage.used, row.coverage.official) == (10, 12)


def test_a_test_list_without_labels(capsys, zeroshot):
    code, report = doctor(capsys, *zeroshot, "data.test_on=test")
    assert code == 2
    assert [check["name"] for check in report["checks"] if check["verdict"] == "fails"] == ["labels"]


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real clips beside the project")
def test_own_videos_name_the_damaged_one_and_are_opened_once(capsys, tmp_path, monkeypatch):
    words = ["pretrain/own_videos", "--data", str(REAL), "data.num_workers=0", "data.batch_size=1"]
    code, report = doctor(capsys, *words)
    assert code == 0
    (damaged,) = findings(report)["decoding, train"]
    assert damaged.startswith("decord_corrupted.mp4: damaged, ")
    assert Manifest.load(tmp_path / "cache", REAL).known(str(REAL / "ucf.avi")).frames == 175
    own = load_experiment("pretrain/own_videos", [f"data.root={REAL}"], schemas=SCHEMAS)
    import data_modules.own_videos as module

    opened = []
    real = module.open_source
    monkeypatch.setattr(module, "open_source", lambda path: opened.append(Path(path).name) or real(path))
    assert len(build_data(own, FrameCache()).split("train").samples) == 18
    assert opened == ["decord_corrupted.mp4"]  # which opens well enough; of the others the manifest knows


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

"""Experiments from the command line to their rows: every stage of the demo on a small miniature, and mistakes."""

import json
import os
import shutil
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.config import TrainerConfig
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.run.batches import world_size
from internvideo_pl.run.weights import save_model
from internvideo_pl.tables.row import read_rows
from tests.data.clips import write_video

SMALL = ["trainer.max_steps=2", "data.mini_sizes.train=4", "wandb.mode=disabled"]
CHEAP = ["trainer.max_steps=1", "wandb.mode=disabled", "data.num_workers=0", "data.batch_size=2"]


def run(*words: str) -> int:
    return main(["run", *words])


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")  # Lightning's logger changes it; this puts it back
    return tmp_path / "results"


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "one.mp4", frames=20)
    write_video(folder / "two.mkv", frames=30)
    (folder / "broken.mp4").write_bytes(b"not a video at all")
    return folder


def test_the_demo_runs_every_stage_and_leaves_table_pictures_and_report(results, capsys):
    assert run("demo", *SMALL) == 0
    folder = results / "demo" / "001"
    rows, problems = read_rows(folder)
    assert not problems
    models = [row.model for row in rows]
    assert len(models) == len(set(models)) + 1  # the multimodal encoder has two rows: retrieval and recognition
    assert {row.task for row in rows} == {"reconstruction", "retrieval", "zero_shot_recognition", "recognition"}
    assert all(row.mini and row.coverage.complete for row in rows)
    found = {row.experiment: row for row in rows}
    both = found["coordinate/k400_base"]
    assert both.parents.keys() == {"masked", "multimodal"}
    assert both.fingerprint == found["coordinate/k400_base_control"].fingerprint
    for name in ("table.md", "table.csv", "report.html", "done.json", "config.yaml"):
        assert (folder / name).stat().st_size > 0
    assert len(list(folder.glob("*/reconstruction.png"))) == len(list(folder.glob("*/captions.png"))) == 1
    printed = capsys.readouterr().out
    assert "coordinated" in printed
    assert "chance" in printed
    assert "The control trains the same modules" in printed


def test_pretraining_on_own_videos_reports_the_damaged_one_and_draws_a_picture(results, videos, capsys):
    assert run("pretrain/own_videos", *CHEAP, "wandb.mode=offline", "--data", str(videos)) == 0
    folder = results / "pretrain" / "own_videos" / "001"
    assert (folder / "reconstruction.png").is_file()
    assert list(folder.glob("wandb/offline-run-*/*.wandb"))  # without a login, and nowhere else
    assert (folder / "metrics.csv").is_file()
    printed = capsys.readouterr().out
    assert "1 of 3 files could not be read" in printed
    assert "broken.mp4" in printed
    faults = json.loads((folder / "bad_videos.json").read_text())
    assert [Path(fault["path"]).name for fault in faults["faults"]] == ["broken.mp4"]
    row = read_rows(folder)[0][0]
    assert row.protocol["split"] == "training videos"


def test_a_second_run_gets_its_own_folder_and_a_taken_one_is_refused(results, videos, capsys):
    own = ["pretrain/own_videos", *CHEAP, "--data", str(videos)]
    assert run(*own) == 0
    assert run(*own) == 0
    first = results / "pretrain" / "own_videos" / "001"
    assert (first.parent / "002" / "done.json").is_file()
    metrics = [read_rows(first.parent / number)[0][0].metrics for number in ("001", "002")]
    assert metrics[0] == metrics[1]  # the same seed, the same numbers
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    capsys.readouterr()
    assert run(*own, f"paths.run={first}") == 2
    assert "already holds a run; choose an empty folder" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["demmo"], "Did you mean 'demo'?"),
        (["demo", "trainer.max_epohcs=1"], "Did you mean 'max_epochs'?"),
        (["demo", "trainer.max_epochs=fast"], "trainer.max_epochs must be an integer, got 'fast'"),
        (["demo", "--data", "."], "the folder of one dataset"),
        (["pretrain/masked_k400_base", "objective.name=maskd"], "Did you mean 'masked'?"),
        (["pretrain/masked_k400_base", "data.sampling=dens"], "Did you mean 'dense'?"),
        (["pretrain/masked_k400_base", "parents.tower=x"], "starts from backbone only"),
        (["pretrain/masked_k400_base", "~trainer.max_epochs"], "would never end"),
        (["pretrain/own_videos"], "name the folder of your videos"),
        (["pretrain/own_videos", "--data", "/does/not/exist"], "There is no folder '/does/not/exist'"),
        (["pretrain/own_videos", "--mini"], "name the folder of your videos"),
        (["posttrain/k400_masked_base"], "make experiment NAME=pretrain/masked_k400_base` first"),
        (["pretrain/masked_k400_base"], "Kinetics-400 was not found"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_no_run(results, capsys, words, says):
    assert run(*words) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert [path for path in results.rglob("*") if path.is_file() or path.name.isdigit()] == []


def test_a_folder_with_no_decodable_video_is_refused(results, tmp_path, capsys):
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(os.urandom(2000))
    assert run("pretrain/own_videos", "--data", str(folder)) == 2
    assert "none of the 1 videos under" in capsys.readouterr().err


def test_results_that_cannot_be_written_are_refused_before_work_starts(tmp_path, monkeypatch, videos, capsys):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(blocked))
    assert run("pretrain/own_videos", "--data", str(videos)) == 2
    assert "cannot write the run's results" in capsys.readouterr().err
    assert blocked.read_text() == "a file"


def test_zero_shot_evaluation_needs_no_training_videos(results, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    make_mini("kinetics400", tmp_path / "cache" / "mini", train=1, val=1, test=1)
    root = next((tmp_path / "cache" / "mini").glob("*/manifest.json")).parent
    shutil.rmtree(root / "train")
    (tmp_path / "parent").mkdir()
    save_model(MultimodalChoice(size="tiny", num_frames=2).build(), tmp_path / "parent")
    words = [f"parents.backbone={tmp_path / 'parent'}", f"data.root={root}", "wandb.mode=disabled"]
    assert run("zeroshot/k400_base", "--mini", *words) == 0
    folder = results / "zeroshot" / "k400_base" / "001"
    assert read_rows(folder)[0][0].coverage.used == 12
    assert not (folder / "model.safetensors").exists()  # nothing was trained


@pytest.mark.parametrize(("devices", "nodes", "processes"), [(1, 1, 1), (8, 4, 32), ("2", 3, 6)])
def test_global_batch_counts_every_process(devices, nodes, processes):
    assert world_size(TrainerConfig(devices=devices, num_nodes=nodes)) == processes


def test_the_list_names_every_experiment(results, capsys):
    assert main(["list", "--json"]) == 0
    records = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
    assert records["coordinate/k400_base"]["n"] == 1
    assert records["coordinate/k400_base"]["paper"] == 91.1
    assert records["demo"]["data"] is True
    assert main(["list"]) == 0
    assert "pretrain/own_videos" in capsys.readouterr().out

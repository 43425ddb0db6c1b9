"""A run that is killed at any moment, and the same command again, beside a run that nobody disturbed: bit by bit equal.

The runs differ from a real one in size alone: a masked autoencoder on six videos, ten steps of which four are an epoch.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from internvideo_pl.callbacks import checkpoint_file
from internvideo_pl.callbacks.checkpoint_file import CheckpointFile
from internvideo_pl.callbacks.checkpoints import Checkpoints, step_of
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.tables.row import read_rows
from tests.data.clips import write_video
from tests.run.killing import at_call, die, end, run, send

STEPS = 10
EXPERIMENT = "pretrain/own_videos"
TIMED = "pace/"  # columns that no two runs share


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> list[str]:
    """The command: everything random is on, and every step is logged."""
    videos = tmp_path_factory.mktemp("videos")
    for i in range(8):
        write_video(videos / f"{i}.mp4", frames=12 + i)
    small = {
        "data": {"batch_size": 2, "num_workers": 0, "num_frames": 4, "stride": 1, "size": 32, "short_side": 48},
        "backbone": {"size": "tiny", "drop_path": 0.3, "image_size": 32, "num_frames": 4},
        "trainer": {"max_steps": STEPS, "log_every_n_steps": 1, "checkpoint_steps": 3, "gradient_clip_val": 1.0},
        "wandb": {"mode": "disabled"},
    }
    changes = [f"{part}.{key}={value}" for part, keys in small.items() for key, value in keys.items()]
    return [EXPERIMENT, "--data", str(videos), *changes]


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return tmp_path / EXPERIMENT


@pytest.fixture(scope="module")
def unbroken(words, tmp_path_factory):
    """Outputs of the undisturbed run with some changes, each made once."""
    made: dict[tuple[str, ...], dict[str, object]] = {}

    def outputs(*changes: str) -> dict[str, object]:
        if changes not in made:
            folder = tmp_path_factory.mktemp("unbroken") / "run"
            assert run(*words, *changes, f"paths.run={folder}") == 0
            made[changes] = outputs_of(folder)
        return made[changes]

    return outputs


def outputs_of(folder: Path) -> dict[str, object]:
    """Everything that was logged, as text, and the weights."""
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [{key: value for key, value in row.items() if not key.startswith(TIMED)} for row in csv.DictReader(file)]
    logged = [row for row in rows if any(value for key, value in row.items() if key != "step")]
    assert [row["step"] for row in logged if row["train/loss"]] == [str(step) for step in range(STEPS)]
    return {"metrics": logged, "weights": (folder / "model.safetensors").read_bytes()}


def starts(folder: Path) -> list[int]:
    """The steps at which a run was started."""
    return [begin["step"] for begin in json.loads((folder / "run.json").read_text())["starts"]]


EVERYTHING = ("trainer.accumulate_grad_batches=3", "optimizer.ema=0.9", "optimizer.ema_warmup=true")


@pytest.mark.parametrize(
    ("first", "second", "step", "changes", "start_again"),
    [
        (0, 0, 5, (), 3),  # in the first epoch's second batch after a checkpoint
        (2, 2, 8, (), 6),  # in the third epoch
        (2, 0, 4, (), 3),  # just after a checkpoint, which was the first epoch's end
        (0, 2, 2, (), 0),  # before any
        (0, 0, 20, EVERYTHING, 9),  # batches, not steps: three are a step, and the epoch's fourth is one of its own
    ],
)
def test_a_killed_run_goes_on_bit_by_bit(
    words, start, results, unbroken, tmp_path, capfd, first, second, step, changes, start_again
):
    command = [*words, *changes]
    prepare = at_call(VideoModule, "training_step", step, die)
    child = start([*command, f"data.num_workers={first}"], tmp_path / "log.txt", prepare)
    assert end(child) == -signal.SIGKILL
    assert not (results / "001" / "done.json").exists()
    assert run(*command, f"data.num_workers={second}") == 0
    assert f"continuing {results / '001'} after step {start_again} of {STEPS}" in capfd.readouterr().err
    assert [path.name for path in results.iterdir()] == ["001"]
    assert outputs_of(results / "001") == unbroken(*changes)
    assert starts(results / "001") == [0, start_again]


RECIPE = {
    "objective.mix": {"mixup": 0.8, "cutmix": 1.0},
    "objective.head": {"dropout": 0.5},
    "data.augment": {"rand_augment": "rand-m7-n4-mstd0.5-inc1", "erase": 0.5},
    "data": {"num_sample": 2, "batch_size": 4, "crop": "random_resized"},
    "data.mini_sizes": {"train": 1, "val": 1, "test": 1},
    "backbone": {"drop_path": 0.3},
    "optimizer": {"ema": 0.9},
    "trainer": {"max_steps": STEPS, "log_every_n_steps": 1, "checkpoint_steps": 3},
    "wandb": {"mode": "disabled"},
}


def test_mixing_augmentation_and_dropout_go_on_bit_by_bit(results, start, tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    changes = [f"{part}.{key}={value}" for part, keys in RECIPE.items() for key, value in keys.items()]
    command = ["posttrain/k400_masked_base", "--mini", "~parents", *changes]
    assert run(*command, f"paths.run={tmp_path / 'unbroken'}") == 0
    child = start([*command, "data.num_workers=2"], tmp_path / "log.txt", at_call(VideoModule, "training_step", 9, die))
    assert end(child) == -signal.SIGKILL
    assert run(*command) == 0
    folder = tmp_path / command[0] / "001"
    assert 0 < starts(folder)[1] < STEPS
    assert outputs_of(folder) == outputs_of(tmp_path / "unbroken")


def test_what_is_kept_is_the_moving_average(words, results):
    assert run(*words, *EVERYTHING) == 0
    kept = load_file(results / "001" / "model.safetensors")
    state = CheckpointFile().load_checkpoint(results / "001" / "checkpoints" / "last.ckpt")
    for name, value in kept.items():
        assert torch.equal(value, state["state_dict"][f"objective.model.{name}"])
    trained = state["current_model_state"]
    assert any(not torch.equal(value, trained[f"objective.model.{name}"]) for name, value in kept.items())
    assert json.loads((results / "001" / "done.json").read_text())["ema"] == 0.9


def test_a_run_killed_while_it_saves_goes_on_from_the_checkpoint_before(words, start, results, unbroken, tmp_path):
    def half_written() -> None:
        (results / "001" / "checkpoints" / "last.ckpt.tmp").write_bytes(b"half of a checkpoint")
        die()

    child = start(words, tmp_path / "log.txt", at_call(CheckpointFile, "save_checkpoint", 2, half_written))
    assert end(child) == -signal.SIGKILL
    assert run(*words) == 0
    assert starts(results / "001") == [0, 3]
    assert outputs_of(results / "001") == unbroken()
    assert sorted(path.name for path in (results / "001" / "checkpoints").iterdir()) == ["last.ckpt", "previous.ckpt"]


def test_a_run_killed_between_two_renames_goes_on_from_the_older_one(
    words, start, results, unbroken, tmp_path, monkeypatch
):
    real = os.replace

    def replace(source, target) -> None:
        real(source, target)
        if Path(target).name == "previous.ckpt":
            die()

    child = start(words, tmp_path / "log.txt", lambda: monkeypatch.setattr(os, "replace", replace))
    assert end(child) == -signal.SIGKILL
    assert run(*words) == 0
    assert starts(results / "001") == [0, 3]
    assert outputs_of(results / "001") == unbroken()


def test_a_run_killed_in_its_test_does_not_train_again(words, start, results, unbroken, tmp_path, monkeypatch):
    child = start(words, tmp_path / "log.txt", at_call(MaskedReconstruction, "on_test_epoch_end", 1, die))
    assert end(child) == -signal.SIGKILL
    (results / "001" / "row-of-the-first-start.json").write_text("{}")
    monkeypatch.setattr(VideoModule, "training_step", lambda *_: pytest.fail("it trained again"))
    assert run(*words) == 0
    assert outputs_of(results / "001") == unbroken()
    rows, problems = read_rows(results)
    assert (len(rows), problems) == (1, [])


def test_a_run_killed_before_its_report_only_writes_the_report(words, results, monkeypatch):
    assert run(*words) == 0
    (results / "001" / "report.html").unlink()
    before = (results / "001" / "done.json").stat().st_mtime_ns
    assert run(*words) == 0
    assert (results / "001" / "report.html").is_file()
    assert (results / "001" / "done.json").stat().st_mtime_ns == before
    assert [path.name for path in results.iterdir()] == ["001"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_lets_the_step_end_saves_and_says_how_to_go_on(words, start, results, unbroken, tmp_path, number):
    log, command = tmp_path / "log.txt", [*words, "data.num_workers=1"]
    child = start(command, log, at_call(VideoModule, "training_step", 5, send(number)))
    assert end(child) == 128 + number
    said = log.read_text()
    assert "stopping after this step" in said
    assert f"stopped after step 5 of {STEPS}, which is saved; the same command continues {results / '001'}" in said
    assert "Traceback" not in said
    assert run(*words) == 0
    assert starts(results / "001") == [0, 5]
    assert outputs_of(results / "001") == unbroken()


def test_a_signal_in_the_last_step_leaves_only_the_test(words, start, results, unbroken, tmp_path, monkeypatch):
    child = start(words, tmp_path / "log.txt", at_call(VideoModule, "training_step", STEPS, send(signal.SIGTERM)))
    assert end(child) == 128 + signal.SIGTERM
    assert f"stopped after step {STEPS} of {STEPS}, which is saved" in (tmp_path / "log.txt").read_text()
    with monkeypatch.context() as patched:
        patched.setattr(VideoModule, "training_step", lambda *_: pytest.fail("it trained again"))
        assert run(*words) == 0
    assert outputs_of(results / "001") == unbroken()


def test_a_second_signal_stops_at_once(words, start, results, unbroken, tmp_path):
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    log = tmp_path / "log.txt"
    child = start(words, log, at_call(VideoModule, "training_step", 5, twice))
    assert end(child) == 130
    assert f"internvideo: interrupted; the same command continues {results / '001'}" in log.read_text()
    assert run(*words) == 0
    assert starts(results / "001") == [0, 3]
    assert outputs_of(results / "001") == unbroken()


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(
    words, start, results, unbroken, tmp_path, capfd
):
    child = start(words, tmp_path / "log.txt", at_call(VideoModule, "training_step", 8, die))
    assert end(child) == -signal.SIGKILL
    last = results / "001" / "checkpoints" / "last.ckpt"
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    assert run(*words) == 0
    said = capfd.readouterr().err
    assert f"{last} is damaged (wrong checksum of " in said
    assert "going back to the checkpoint before it" in said
    assert starts(results / "001") == [0, 3]
    assert outputs_of(results / "001") == unbroken()


def test_without_a_sound_checkpoint_a_person_decides(words, start, results, tmp_path, capfd):
    child = start(words, tmp_path / "log.txt", at_call(VideoModule, "training_step", 8, die))
    assert end(child) == -signal.SIGKILL
    for path in (results / "001" / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    assert run(*words) == 2
    assert "no sound checkpoint is left" in capfd.readouterr().err
    assert run(*words, "--fresh") == 0
    assert starts(results / "002") == [0]
    assert starts(results / "001") == [0]


def test_a_full_disk_stops_the_run_and_leaves_the_checkpoint(words, start, results, tmp_path, capfd, monkeypatch):
    def fill() -> None:
        monkeypatch.setattr(checkpoint_file.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 8, 1))

    child = start(words, tmp_path / "log.txt", at_call(Checkpoints, "_save", 2, fill))
    assert end(child) == 2
    said = (tmp_path / "log.txt").read_text()
    assert "a checkpoint needs 0.0" in said
    assert "Traceback" not in said
    assert run(*words) == 0
    assert starts(results / "001") == [0, 3]


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_stops_the_run_and_leaves_the_checkpoint(words, results, capfd, monkeypatch, what):
    losses = MaskedReconstruction.losses

    def poisoned(module, batch):
        found = losses(module, batch)
        weight = next(module.parameters()).sum()
        poison = weight * float("nan") if what == "loss" else (weight * 0).sqrt()  # whose gradient is 0 * infinity
        return {**found, "loss": found["loss"] + poison} if module.global_step == 4 else found

    with monkeypatch.context() as patched:
        patched.setattr(MaskedReconstruction, "losses", poisoned)
        assert run(*words) == 1
    said = capfd.readouterr().err
    last = results / "001" / "checkpoints" / "last.ckpt"
    assert f"internvideo: the {what} of step 4 is not finite; its videos (" in said
    assert f"The last good checkpoint, {last} after step 3, is untouched." in said
    assert "Traceback" not in said
    report = json.loads((results / "001" / "non_finite.json").read_text())
    assert len(report["videos"]) == 2
    assert all(Path(video["path"]).is_file() for video in report["videos"])
    assert step_of(last) == 3
    assert run(*words) == 0
    assert starts(results / "001") == [0, 3]


def test_a_living_run_is_left_alone_and_a_dead_one_continued_by_its_folder(words, start, results, tmp_path, capfd):
    child = start(words, tmp_path / "log.txt", at_call(VideoModule, "training_step", 5, lambda: time.sleep(600)))
    checkpoint = results / "001" / "checkpoints" / "last.ckpt"
    try:
        deadline = time.monotonic() + 60
        while not checkpoint.is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert run(*words, f"paths.run={results / '001'}") == 2
        assert f"is still written by process {child} on" in capfd.readouterr().err
        assert run(*words, "trainer.max_steps=1") == 0
        assert run(*words) == 0
        assert f"is still written by process {child} on" in capfd.readouterr().err
    finally:
        os.kill(child, signal.SIGKILL)
        end(child)
    assert sorted(path.name for path in results.iterdir()) == ["001", "002", "003"]
    assert run(*words, f"paths.run={results / '001'}", "trainer.max_steps=7") == 2
    assert "holds an unfinished run of another configuration" in capfd.readouterr().err
    assert run(*words, f"paths.run={results / '001'}") == 0
    assert starts(results / "001") == [0, 3]
    assert outputs_of(results / "001") == outputs_of(results / "003")


def test_from_outside_the_same_command_continues_with_workers(words, results, unbroken):
    """As a person has it: `python -m internvideo_pl`, killed with all its group."""
    command = [
        sys.executable,
        "-m",
        "internvideo_pl",
        "run",
        *words,
        "data.num_workers=2",
        "trainer.checkpoint_steps=1",
    ]
    child = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while child.poll() is None and not (results / "001" / "checkpoints" / "previous.ckpt").is_file():
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"continuing {results / '001'} after step" in done.stderr
    assert outputs_of(results / "001") == unbroken()

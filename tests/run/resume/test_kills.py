"""Runs killed at any moment, and the same command again, beside a run that nobody disturbed: equal bit by bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from internvideo_pl.callbacks.checkpoint_file import CheckpointFile
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.tables.row import read_rows
from tests.run.killing import at_call, die, end, run
from tests.run.resume.runs import STEPS, outputs_of, starts

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
    with monkeypatch.context() as patched:
        patched.setattr(VideoModule, "training_step", lambda *_: pytest.fail("it trained again"))
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

"""Runs that signals, checkpoints, disks, values or other runs stop: they say why, and the same command goes on."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from internvideo_pl.callbacks import checkpoint_file
from internvideo_pl.callbacks.checkpoints import Checkpoints, step_of
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.masked import MaskedReconstruction
from tests.run.killing import at_call, die, end, run, send
from tests.run.resume.runs import STEPS, outputs_of, starts


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

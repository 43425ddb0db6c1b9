"""The machine's checks, where the answer is known or can be imposed."""

import os
import shutil
from collections import namedtuple

import pytest
import torch

from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.doctor import machine, space
from internvideo_pl.data.doctor.machine import check_machine
from internvideo_pl.data.doctor.space import bytes_written, check_space

Usage = namedtuple("Usage", "total used free")
CONFIG = ClipConfig(name="toy", num_frames=16, size=224, batch_size=8, num_workers=4)


def checks(accelerator="cpu", devices="auto", precision="32-true", configs=(CONFIG,)):
    return {check.name: check for check in check_machine(accelerator, devices, precision, configs)}


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_every_line_is_there_on_a_bare_machine(no_gpu):
    found = checks(configs=())
    names = "software", "devices", "attention", "decoders", "shared memory", "open files", "processor"
    assert tuple(found) == names
    assert {found[name].verdict for name in ("software", "devices", "attention", "decoders")} == {"ok"}
    assert torch.__version__ in found["software"].found
    assert "h264" in found["decoders"].found


def test_gpus_that_are_not_there(no_gpu):
    assert checks("auto", "auto")["devices"].verdict == "ok"
    assert checks("gpu", "auto")["devices"].verdict == "fails"
    assert checks("gpu", 8)["devices"].found == "8 were asked for, 0 GPUs here"


def test_float16_needs_a_gpu(no_gpu):
    assert checks("auto", precision="16-mixed")["devices"].verdict == "warning"


@pytest.mark.parametrize(("capability", "verdict"), [((8, 0), "ok"), ((7, 5), "warning")])
def test_bfloat16_needs_a_newer_one(monkeypatch, capability, verdict):
    about = namedtuple("About", "name major minor total_memory")("T", *capability, 16 * 10**9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: about)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: capability)
    check = checks("auto", precision="bf16-mixed")["devices"]
    assert (check.verdict, check.found) == (verdict, "2 of 2 GPUs")
    assert "16.0 GB" in check.items[0]
    assert checks("gpu", 3)["devices"].verdict == "fails"


def test_shared_memory_must_hold_what_workers_prepare(monkeypatch, tmp_path):
    needed = 4 * 2 * 8 * 16 * 224 * 224 * 3  # workers, batches each, clips, frames, pixels, colours
    monkeypatch.setattr(machine, "SHARED", tmp_path)
    for free, verdict in ((needed, "ok"), (needed - 1, "fails")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: Usage(0, 0, free))
        assert checks()["shared memory"].verdict == verdict
    assert "--shm-size" in checks()["shared memory"].todo


def test_a_low_limit_on_open_files(monkeypatch):
    monkeypatch.setattr(machine.resource, "getrlimit", lambda kind: (64, 4096))
    check = checks()["open files"]
    assert (check.verdict, check.todo) == ("warning", "ulimit -n 4096")


def test_more_workers_than_cores(monkeypatch):
    monkeypatch.setattr(machine, "usable_cores", lambda: 2)
    assert checks()["processor"].verdict == "warning"
    assert checks(configs=())["processor"].verdict == "ok"


def test_a_missing_decoder(monkeypatch):
    monkeypatch.setattr(machine, "DECODERS", ("h264", "no_such_codec"))
    check = checks()["decoders"]
    assert (check.verdict, check.found) == ("warning", "FFmpeg lacks no_such_codec")


def test_what_a_run_writes():
    weights = 1_000_000
    assert bytes_written(weights, 0) - space.PICTURES == 2 * 3 * 4 * weights + 4 * weights
    assert bytes_written(0, weights) - space.PICTURES == 2 * 4 * weights + 4 * weights


def test_free_disk(monkeypatch, tmp_path):
    folder = tmp_path / "not" / "yet"
    for free, verdict in ((1000, "ok"), (999, "fails")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: Usage(0, 0, free))
        assert check_space(folder, 1000).verdict == verdict
        assert check_space(folder, None).verdict == "ok"
    assert list(tmp_path.iterdir()) == []  # nothing is made


@pytest.mark.parametrize("blocked", ["file", "folder"])
def test_results_that_cannot_be_written(tmp_path, monkeypatch, blocked):
    folder = tmp_path / "results"
    if blocked == "file":
        folder.write_text("a file")
    else:
        folder.mkdir()
        monkeypatch.setattr(space.tempfile, "TemporaryFile", _refused)
    check = check_space(folder, 0)
    assert (check.name, check.verdict) == ("results folder", "fails")
    assert "INTERNVIDEO_RESULTS" in check.todo


def _refused(dir):  # whoever runs the tests may be allowed everything
    raise PermissionError(13, os.strerror(13))

"""Several processes on one machine, started by the command itself and by torchrun, beside one process."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from internvideo_pl.__main__ import main
from internvideo_pl.callbacks.checkpoints import newest, step_of
from internvideo_pl.tables.row import read_rows
from tests.data.clips import write_video

EXPERIMENT = "pretrain/align_msrvtt_base"
STEPS = 3


@pytest.fixture
def environment(tmp_path, monkeypatch) -> dict[str, str]:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return os.environ | {"OMP_NUM_THREADS": "1"}


def words(batch: int, *more: str) -> list[str]:
    small = {
        "wandb": {"mode": "disabled"},
        "data": {"num_workers": 0, "batch_size": batch, "mini_sizes.train": 9},
        "trainer": {"max_steps": STEPS, "log_every_n_steps": 1, "limit_test_batches": 2},
    }
    changes = [f"{part}.{key}={value}" for part, keys in small.items() for key, value in keys.items()]
    return ["run", EXPERIMENT, "--mini", *changes, *more]


def losses(folder: Path) -> list[list[float]]:
    names = ("train/loss", "train/contrastive_loss", "train/caption_loss")
    with (folder / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["train/loss"]]
    return [[float(row[name]) for name in names] for row in rows]


@pytest.mark.slow
def test_two_processes_equal_one_with_the_whole_batch(environment, tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert main(words(4, f"paths.run={alone}")) == 0
    command = [sys.executable, "-m", "internvideo_pl", *words(2, "trainer.devices=2", f"paths.run={together}")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report:") == 1  # one of them speaks
    assert len(losses(together)) == STEPS
    np.testing.assert_allclose(losses(together), losses(alone), rtol=1e-5)
    mine, theirs = load_file(together / "model.safetensors"), load_file(alone / "model.safetensors")
    assert mine.keys() == theirs.keys()
    for name in mine:  # AdamW divides by the gradient's own size: rounding of a tiny one moves a weight by up to lr
        np.testing.assert_allclose(mine[name], theirs[name], atol=2e-4, err_msg=name)
    rows, problems = read_rows(together)
    assert not problems
    assert rows[0].devices.startswith("2 CPU process")
    assert len(json.loads((together / "run.json").read_text())["starts"]) == 1


@pytest.mark.slow
def test_weights_in_parts_equal_whole_ones_and_either_goes_on_from_the_others_checkpoint(environment, tmp_path):
    """FSDP2 beside DDP on two processes, with clipping and a moving average."""
    more = ["trainer.gradient_clip_val=0.5", "optimizer.ema=0.9", "trainer.devices=2", "trainer.checkpoint_steps=2"]

    def run(strategy: str, folder: Path) -> tuple[list[list[float]], dict[str, np.ndarray]]:
        command = words(2, *more, f"trainer.strategy={strategy}", f"paths.run={folder}", "trainer.max_steps=4")
        done = subprocess.run(
            [sys.executable, "-m", "internvideo_pl", *command],
            env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return losses(folder), load_file(folder / "model.safetensors")

    want, weights = run("ddp", tmp_path / "ddp")
    assert len(want) == 4
    for first, second in (("fsdp", "ddp"), ("ddp", "fsdp"), ("fsdp", "fsdp")):
        folder = tmp_path / f"{first}_{second}"
        run(first, folder)
        (folder / "done.json").unlink()
        (folder / "checkpoints" / "last.ckpt").unlink()  # back to the one of step 2
        got, mine = run(second, folder)
        assert [start["step"] for start in json.loads((folder / "run.json").read_text())["starts"]] == [0, 2]
        np.testing.assert_allclose(got, want, rtol=1e-4)
        for name, value in weights.items():
            np.testing.assert_allclose(mine[name], value, atol=5e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["trainer.compile=true"]])
def test_masked_pretraining_with_weights_in_parts(environment, videos, tmp_path, more):
    """Its reconstructions on the way want the whole model; compiled blocks are gathered like others."""
    folder = tmp_path / "run"
    command = own(videos, "trainer.max_steps=4", "trainer.devices=2", "trainer.strategy=fsdp", f"paths.run={folder}")
    done = subprocess.run(
        [sys.executable, "-m", "internvideo_pl", *command, "trainer.global_batch=8", *more],
        env=environment, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "8 videos a step (2 x 2 devices x 2 accumulated), learning rate 0.0005" in done.stderr
    assert (folder / "reconstruction.png").is_file()


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for i in range(8):
        write_video(folder / f"{i}.mp4", frames=12 + i)
    (folder / "broken.mp4").write_bytes(b"not a video at all")
    return folder


def own(videos: Path, *more: str) -> list[str]:
    small = ["wandb.mode=disabled", "backbone.size=tiny", "backbone.image_size=32", "backbone.num_frames=4"]
    data = ["data.batch_size=2", "data.num_workers=0", "data.num_frames=4", "data.stride=1", "data.size=32"]
    steps = ["trainer.accelerator=cpu", "trainer.log_every_n_steps=1", "trainer.checkpoint_steps=2"]
    return ["run", "pretrain/own_videos", "--data", str(videos), *small, *data, "data.short_side=48", *steps, *more]


@pytest.mark.slow
def test_under_torchrun_a_killed_process_is_named_and_the_same_command_goes_on(environment, videos, tmp_path):
    folder = tmp_path / "run"
    command = own(videos, "trainer.max_steps=500", "trainer.checkpoint_steps=10", f"paths.run={folder}")
    parent = subprocess.Popen(
        [sys.executable, "-m", "internvideo_pl", *command, "trainer.devices=2"],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        _wait_for(folder / "checkpoints" / "last.ckpt")
        _wait_for_steps(folder, lambda done: done % 10 in (6, 7))  # some that no checkpoint holds
        os.kill(_rank(parent.pid, 1), signal.SIGKILL)
        told = time.monotonic()
        _, said = parent.communicate(timeout=60)
    finally:
        parent.kill()
    assert time.monotonic() - told < 60
    assert parent.returncode == 1
    assert "rank 1 (process" in said
    assert "was killed by SIGKILL" in said
    undisturbed, saved = curve(folder), step_of(newest(folder))
    again = [step for step in undisturbed if step >= saved]
    assert len(again) >= 3
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "internvideo_pl"]
    reached = json.loads((folder / "run.json").read_text())["starts"]
    assert [start["step"] for start in reached] == [0]
    stop = subprocess.Popen(
        [*torchrun, *command, "trainer.devices=2"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        before = (folder / "checkpoints" / "last.ckpt").stat().st_mtime_ns
        _wait_for(folder / "checkpoints" / "last.ckpt", before)
        stop.terminate()
        _, said = stop.communicate(timeout=120)
    finally:
        stop.kill()
    assert f"continuing {folder} after step {saved}" in said
    assert len(json.loads((folder / "run.json").read_text())["starts"]) == 2
    continued = curve(folder)
    assert list(continued) == list(range(len(continued)))  # every step once
    assert len(continued) > len(undisturbed)
    np.testing.assert_allclose([continued[step] for step in undisturbed], list(undisturbed.values()), rtol=1e-6)


def curve(folder: Path) -> dict[int, float]:
    """Loss by step."""
    with (folder / "metrics.csv").open() as file:
        return {int(row["step"]): float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]}


def _wait_for_steps(folder: Path, enough: Callable[[int], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not enough(max(curve(folder), default=0)):
        assert time.monotonic() < until, f"the run's steps did not come: {curve(folder)}"
        time.sleep(0.01)


def _rank(parent: int, rank: int) -> int:
    """The process id of a rank."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        told = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        if f"RANK={rank}".encode() in told:
            return int(child)
    raise AssertionError(f"no process of rank {rank}")


def _wait_for(path: Path, newer: int = 0, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not (path.is_file() and path.stat().st_mtime_ns > newer):
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.1)


@pytest.fixture
def hosts() -> Iterator[list[list[str]]]:
    """Two network namespaces joined by a cable: how to start a command in each."""
    number = os.getpid() % 1000
    names = [f"iv{number}a", f"iv{number}b"]
    cables = [f"v{number}a", f"v{number}b"]

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
        for i, (name, cable) in enumerate(zip(names, cables, strict=True), 1):
            ip("link", "set", cable, "netns", name)
            ip("-n", name, "addr", "add", f"10.77.0.{i}/24", "dev", cable)
            ip("-n", name, "link", "set", cable, "up")
            ip("-n", name, "link", "set", "lo", "up")
    except (OSError, subprocess.CalledProcessError) as error:
        _unplug(names)
        pytest.skip(f"network namespaces cannot be made here: {error}")
    yield [
        ["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={cable}"]
        for name, cable in zip(names, cables, strict=True)
    ]
    _unplug(names)


def _unplug(names: list[str]) -> None:
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@pytest.mark.slow
def test_when_a_machine_dies_the_other_names_its_process_and_both_go_on(hosts, environment, videos, tmp_path):
    folder = tmp_path / "run"
    command = own(videos, "trainer.devices=1", "trainer.checkpoint_steps=10", f"paths.run={folder}")
    saved = folder / "checkpoints" / "last.ckpt"

    def start(node: int, *more: str) -> subprocess.Popen[str]:
        meeting = ["trainer.max_steps=40", "--nodes", "2", "--master", "10.77.0.1:29517", "--node-rank", str(node)]
        words = [*hosts[node], sys.executable, "-m", "internvideo_pl", *command, *meeting, *more]
        return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    machines = [start(0), start(1)]
    try:
        _wait_for(saved)
        for process in (machines[1].pid, _rank(machines[1].pid, 1)):  # the launcher cannot tell anybody either
            os.kill(process, signal.SIGKILL)
        died = time.monotonic()
        _, said = machines[0].communicate(timeout=60)
        assert time.monotonic() - died < 60
        assert machines[0].returncode == 1
        assert "rank 1 (process" in said
        assert "has given no sign of life" in said
        machines = [start(0), start(1)]
        told = [machine.communicate(timeout=200)[1] for machine in machines]
        assert [machine.returncode for machine in machines] == [0, 0], told
    finally:
        for machine in machines:
            machine.kill()
    assert f"continuing {folder} after step" in told[0]
    assert (folder / "done.json").is_file()
    assert [start["step"] > 0 for start in json.loads((folder / "run.json").read_text())["starts"]] == [False, True]

"""`metrics.csv` and Weights & Biases over a run that is cut short and continued."""

import csv
import struct
import time
from pathlib import Path

import pytest
from wandb.proto import wandb_internal_pb2

from internvideo_pl.config import load_experiment
from internvideo_pl.run.metrics_log import MetricsLog
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.trainer import build_loggers, closed_loggers


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_on_the_disk_at_once_and_columns_may_join(tmp_path):
    log = MetricsLog(tmp_path)
    log.log_metrics({"lr": 0.5}, 0)
    assert rows(tmp_path) == [{"step": "0", "lr": "0.5"}]
    log.log_metrics({"loss": 2.0}, 0)
    log.log_metrics({"lr": 0.25}, 1)
    assert rows(tmp_path) == [
        {"step": "0", "lr": "0.5", "loss": ""},
        {"step": "0", "lr": "", "loss": "2.0"},
        {"step": "1", "lr": "0.25", "loss": ""},
    ]


def test_what_is_logged_twice_in_a_row_is_kept_once(tmp_path):
    log = MetricsLog(tmp_path)
    for step in (0, 0, 0, 1):  # batches of one step say the same of its rate
        log.log_metrics({"lr": 0.5}, step)
    assert [row["step"] for row in rows(tmp_path)] == ["0", "1"]


def test_a_continued_log_equals_an_unbroken_one(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()

    def log_steps(log: MetricsLog, steps: range) -> None:
        for step in steps:
            log.log_metrics({"lr": 0.1 * step}, step)
            log.log_metrics({"loss": 1 / 3 + step, "epoch": 0}, step)

    log_steps(MetricsLog(whole), range(9))
    log_steps(MetricsLog(broken), range(7))
    with (broken / "metrics.csv").open("a") as file:
        file.write("7,0.")  # killed in the middle of a row
    again = MetricsLog(broken, step=4)
    assert again.logged_until == 6
    assert max(int(row["step"]) for row in rows(broken)) == 3
    log_steps(again, range(4, 9))
    assert (broken / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


def test_a_log_begun_anew_keeps_nothing(tmp_path):
    MetricsLog(tmp_path).log_metrics({"loss": 1.0}, 5)
    MetricsLog(tmp_path, step=0)
    assert rows(tmp_path) == []


def sent(folder: Path, until: int) -> list[tuple[str, dict[int, float]]]:
    """What Weights & Biases has in its offline files, once the last step is there: the run's id, and losses by step.

    Its own process writes them, some time after the run's is done with it.
    """
    deadline, found = time.monotonic() + 30, _sent(folder)
    while not any(until in losses for _, losses in found):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
        found = _sent(folder)
    return found


def _sent(folder: Path) -> list[tuple[str, dict[int, float]]]:
    found = []
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        losses = {}
        for record in _records(path.read_bytes()):
            values = {item.key or item.nested_key[0]: item.value_json for item in record.history.item}
            if "loss" in values:
                step = int(values["trainer/global_step"])
                assert step not in losses, "logged twice"
                losses[step] = float(values["loss"])
        found.append((path.stem.removeprefix("run-"), losses))
    return found


def _records(content: bytes):
    """Its file format is LevelDB's log: blocks of 32 KiB after a header of 7 bytes, records in whole or in parts."""
    place, parts = 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        parts = (b"" if kind in (1, 2) else parts) + content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4) and place <= len(content):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record


@pytest.fixture
def experiment(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")  # Lightning's logger changes it; this puts it back
    return load_experiment("pretrain/own_videos", ["wandb.mode=offline"], schemas=SCHEMAS)


def test_weights_and_biases_keeps_its_id_and_has_every_step_once(tmp_path, experiment):
    for step, steps in ((0, range(7)), (4, range(4, 9))):
        with closed_loggers():
            for logger in build_loggers(experiment, tmp_path, step, "abcd1234"):
                for i in steps:
                    logger.log_metrics({"loss": float(i)}, i)
        if step == 0:
            for path in tmp_path.glob("wandb/offline-run-*/*.wandb"):
                path.write_bytes(path.read_bytes()[:50])  # the end of its file is lost with a killed process
    assert sent(tmp_path, until=8) == [("abcd1234", {i: float(i) for i in range(9)})]


def test_what_has_left_the_machine_is_not_sent_again(tmp_path, experiment):
    with closed_loggers():
        for logger in build_loggers(experiment, tmp_path, 0, "abcd1234"):
            for i in range(7):
                logger.log_metrics({"loss": float(i)}, i)
    file = next(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    file.with_name(f"{file.name}.synced").touch()
    with closed_loggers():
        for logger in build_loggers(experiment, tmp_path, 4, "abcd1234"):
            for i in range(4, 9):
                logger.log_metrics({"loss": float(i)}, i)
    losses = [losses for _, losses in sent(tmp_path, until=8)]
    assert sorted(step for part in losses for step in part) == list(range(9))

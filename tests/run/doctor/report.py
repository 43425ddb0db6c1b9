"""What the doctor says from the command line, and the lists of the miniature that it is asked about."""

import csv
import json
from pathlib import Path

from internvideo_pl.__main__ import main

NAME = "pretrain/align_msrvtt_base"

LISTS = {"train": "MSRVTT_train.9k.csv", "test": "MSRVTT_JSFUSION_test.csv"}


def listed(path: Path) -> list[str]:
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

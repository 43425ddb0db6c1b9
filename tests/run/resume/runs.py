"""The run that is killed or stopped, and what it leaves: logged values, weights, and where it was started."""

import csv
import json
from pathlib import Path

STEPS = 10
EXPERIMENT = "pretrain/own_videos"
TIMED = "pace/"  # columns that no two runs share


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

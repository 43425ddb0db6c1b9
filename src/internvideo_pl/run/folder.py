"""The folder of a run: made once, and never written into by two runs.

`<results>/<experiment>/<number>/` holds `run.json`, `config.yaml`, `metrics.csv`, `checkpoints/`, `model.safetensors`,
pictures, rows, when the run has come to its end `done.json`, and last `report.html`.
"""

import json
import re
from pathlib import Path
from typing import Any

from internvideo_pl.errors import UserError
from internvideo_pl.whole_file import write_whole

DONE = "done.json"
MODEL = "model.safetensors"
REPORT = "report.html"
_NUMBER = re.compile(r"\d{3,}")


def new_run_folder(results: Path, name: str, chosen: Path | None = None) -> Path:
    """Create the folder of a new run.

    Args:
        results: Folder of all runs.
        name: The experiment's name; its slashes become folders.
        chosen: The folder that the person asked for (`paths.run`); by default the next number under `results/name`.

    Raises:
        UserError: The chosen folder already holds something, or the folder cannot be written.
    """
    try:
        if chosen is not None:
            return _take(chosen)
        parent = results / name
        parent.mkdir(parents=True, exist_ok=True)
        while True:  # another process may take the number between the look and the mkdir
            folder = parent / f"{max((int(taken.name) for taken in numbered(parent)), default=0) + 1:03d}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return _writable(folder)
    except OSError as error:
        where = chosen or results
        raise UserError(
            f"cannot write the run's results under {where} ({error.strerror}); choose another folder with "
            "ARGS=paths.results=<folder> or the environment variable INTERNVIDEO_RESULTS"
        ) from error


def numbered(parent: Path) -> list[Path]:
    """The folders of an experiment's runs, newest first; none where it never ran."""
    found = [path for path in parent.glob("*") if _NUMBER.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name), reverse=True)


def _take(folder: Path) -> Path:
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"{folder} already holds a run; choose an empty folder for paths.run, or leave it out for a new number"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return _writable(folder)


def _writable(folder: Path) -> Path:
    probe = folder / ".probe"
    probe.touch()
    probe.unlink()
    return folder


def mark_done(folder: Path, facts: dict[str, Any]) -> None:
    """Write `done.json`: the run came to its end, with these facts."""
    write_json(folder / DONE, facts)


def is_finished(folder: Path) -> bool:
    """Whether nothing is left to do for the run in a folder, its report included."""
    return (folder / DONE).is_file() and (folder / REPORT).is_file()


def latest_done(results: Path, name: str, mini: bool) -> Path | None:
    """The newest finished run of an experiment in its mini or its full form; None when there is none."""
    for folder in numbered(results / name):
        done = folder / DONE
        if done.is_file() and json.loads(done.read_text()).get("mini") == mini:
            return folder
    return None


def write_json(path: Path, content: Any) -> None:
    """Write JSON under a temporary name, then rename: a reader never sees half a file."""
    write_whole(path, json.dumps(content, indent=2) + "\n")

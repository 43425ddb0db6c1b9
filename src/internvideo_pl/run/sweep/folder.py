"""The folder of a sweep: `<results>/sweeps/<name>[-mini]/<number>/`, the newest one of the same file is continued."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from internvideo_pl.run.folder import new_run_folder, numbered, write_json
from internvideo_pl.run.sweep.document import FOLDER, Sweep

RECORD = "sweep.json"


def sweep_folder(
    sweep: Sweep, results: Path, overrides: Sequence[str], fresh: bool = False, server: bool = False
) -> Path:
    """Where the sweep's trials are: those of the same file and arguments are gone on with.

    Args:
        sweep: As it was read.
        results: Folder of all runs.
        overrides: What every trial gets besides, from the command line.
        fresh: Whether to begin anew.
        server: Whether a server decides what is tried; what was tried without one is another sweep.

    Raises:
        UserError: The folder cannot be written.
    """
    name = f"{FOLDER}/{sweep.name}{'-mini' if sweep.mini else ''}"
    said = {"sweep": sweep.raw, "overrides": list(overrides), **({"server": True} if server else {})}
    for folder in numbered(results / name) if not fresh else ():
        if _read(folder) == json.loads(json.dumps(said)):
            return folder
    folder = new_run_folder(results, name)
    write_json(folder / RECORD, said)
    return folder


def _read(folder: Path) -> Any:
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None

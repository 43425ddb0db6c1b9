"""Where things are kept: the project itself, and the folders for real data, results and caches.

Each folder can be moved by an environment variable, so that a cluster sets it once and no file names a machine.
"""

import os
from pathlib import Path


def project_root() -> Path:
    """The folder that holds `experiments/`: the checkout of an editable install, else the working directory."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "experiments").is_dir() else Path.cwd()


def data_folder() -> Path:
    """The folder of the real datasets, one sub-folder each: `INTERNVIDEO_DATA`, else `data/` in the project."""
    return _folder("INTERNVIDEO_DATA", "data")


def results_folder() -> Path:
    """The folder that runs write into: `INTERNVIDEO_RESULTS`, else `results/` in the project."""
    return _folder("INTERNVIDEO_RESULTS", "results")


def cache_folder() -> Path:
    """The folder of what can be made again (miniatures, vocabulary): `INTERNVIDEO_CACHE`, else `.cache/`."""
    return _folder("INTERNVIDEO_CACHE", ".cache")


def _folder(variable: str, default: str) -> Path:
    chosen = os.environ.get(variable)
    return Path(chosen).expanduser() if chosen else project_root() / default

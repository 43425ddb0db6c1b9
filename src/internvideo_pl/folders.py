"""Where things are kept: the project, its experiments, and the folders for real data, results and caches.

The last three can be moved by environment variables, so that a cluster sets them once and no file names a machine.
Nothing heavy is imported here: a mistyped name is answered at once.
"""

import os
from pathlib import Path

from internvideo_pl.errors import UserError, hint

_NOT_RUNNABLE = ("base", "sweeps")  # shared parents, and search spaces over experiments


def project_root() -> Path:
    """The folder that holds `experiments/`: the checkout of an editable install, else the working directory."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "experiments").is_dir() else Path.cwd()


def experiments_folder() -> Path:
    """The folder of the experiments' YAML files."""
    return project_root() / "experiments"


def list_experiments(root: Path | None = None) -> list[str]:
    """The names of all experiments that can be run, sorted: their paths below `root` without the suffix.

    Raises:
        UserError: when there is no such folder.
    """
    root = experiments_folder() if root is None else root
    if not root.is_dir():
        raise UserError(f"There is no folder of experiments at {root}: run from the project's checkout.")
    return [name for name in yaml_names(root) if name.split("/")[0] not in _NOT_RUNNABLE]


def require_experiment(name: str, root: Path | None = None) -> None:
    """Checks that an experiment of this name can be run.

    Raises:
        UserError: when there is none; the sentence names the nearest one.
    """
    root = experiments_folder() if root is None else root
    names = list_experiments(root)
    if name not in names and name in yaml_names(root):
        raise UserError(f"{name!r} is a shared part, not an experiment: `make list` prints those that can be run.")
    if name not in names:
        raise UserError(f"There is no experiment {name!r}.{hint(name, names)}")


def yaml_names(root: Path) -> list[str]:
    """The names of all YAML files below a folder, sorted."""
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.yaml"))


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

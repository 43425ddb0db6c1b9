"""Where a number comes from: the code that made it, the libraries beneath, the files it started from."""

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import internvideo_pl

_HERE = Path(__file__).resolve()
LIBRARIES = ("torch", "lightning", "torchmetrics", "transformers", "av", "numpy", "omegaconf", "wandb")


@cache
def code_version() -> str:
    """The package's version and, in a checkout of it, the commit: "0.1.0+g1a2b3c4d5e6f", ".dirty" when files differ
    from it.

    An installed copy, even one inside somebody's repository, has the version alone.
    """
    tracked = _git("ls-files", "--error-unmatch", _HERE.name) is not None
    commit = _git("rev-parse", "--short=12", "HEAD") if tracked else None
    if commit is None:
        return internvideo_pl.__version__
    dirty = ".dirty" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return f"{internvideo_pl.__version__}+g{commit}{dirty}"


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide a number; those that are not installed are left out."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def file_hash(path: Path) -> str:
    """SHA-256 of a file (a parent checkpoint), in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git(*arguments: str) -> str | None:
    """What git prints for this file's folder; None where it fails or is not installed."""
    command = ["git", "-C", str(_HERE.parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

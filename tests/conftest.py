"""What every test can rely on: no network, no login, one thread, and nothing left behind.

All of it stands in the environment before a test module is imported, so subprocesses and xdist workers have it too.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = "INTERNVIDEO_TEST_SCRATCH"  # set by the first process, inherited by its workers

# Made by tools, not by tests; or written by the person who edits while the tests run.
TOOL_FOLDERS = {".git", ".venv", ".cache", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", "__pycache__"}
EDITED = {".py", ".md", ".yaml", ".toml"}
OWN_RUNS = {ROOT / "data", ROOT / "results"}  # a person's training may write there meanwhile; tests are sent elsewhere


def pytest_configure(config: pytest.Config) -> None:
    """Points every writer at a scratch folder, and remembers what the tree holds."""
    if not hasattr(config, "workerinput"):
        os.environ[SCRATCH] = tempfile.mkdtemp(prefix="internvideo-tests-")
        _isolate(Path(os.environ[SCRATCH]))
        config.stash[_BEFORE] = _present()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the session when a test left something outside its `tmp_path`."""
    before = session.config.stash.get(_BEFORE, None)
    if before is None:
        return
    left = sorted(_present() - before)
    if left:
        session.config.get_terminal_writer().line(
            "\nThe tests left these behind (if you made them yourself meanwhile, run again):\n  " + "\n  ".join(left),
            red=True,
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Takes the scratch folder away."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[SCRATCH], ignore_errors=True)


_BEFORE = pytest.StashKey[set[str]]()


def _isolate(scratch: Path) -> None:
    vocabulary = Path(os.environ.get("INTERNVIDEO_BPE") or ROOT / ".cache" / "bpe_simple_vocab_16e6.txt.gz")
    if vocabulary.is_file():
        os.environ["INTERNVIDEO_BPE"] = str(vocabulary.resolve())
    for word in ("CACHE", "DATA", "RESULTS"):
        os.environ[f"INTERNVIDEO_{word}"] = str(scratch / word.lower())
    for word in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR"):
        os.environ[f"WANDB_{word}"] = str(scratch / "wandb")
    for word in ("wandb", "home"):
        (scratch / word).mkdir()
    os.environ.update(
        HOME=str(scratch / "home"),
        WANDB_MODE="offline",
        WANDB_SILENT="true",
        WANDB_CONSOLE="off",
        WANDB_DISABLE_GIT="true",
        WANDB_DISABLE_CODE="true",
        WANDB_ERROR_REPORTING="false",
        HF_HUB_OFFLINE="1",
        HF_HOME=str(scratch / "huggingface"),
        TORCH_HOME=str(scratch / "torch"),
        MPLCONFIGDIR=str(scratch / "matplotlib"),
        MPLBACKEND="Agg",
        OMP_NUM_THREADS="1",  # two workers on two cores are faster than either on both
    )
    logins = ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_RUN_ID", "HF_TOKEN")
    for key in (*logins, "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        os.environ.pop(key, None)


def _present() -> set[str]:
    """Paths in the tree and in the home folder that a careless test could have made."""
    found = set()
    for folder, subfolders, files in os.walk(ROOT):
        here = Path(folder)
        skipped = {name for name in subfolders if name.endswith(".egg-info") or here / name in OWN_RUNS} | TOOL_FOLDERS
        subfolders[:] = [name for name in subfolders if name not in skipped]
        found |= {str(here / name) for name in files if Path(name).suffix not in EDITED}
    home = Path(os.environ["HOME"])  # an empty one, made by `_isolate`
    found |= {f"~/{path.relative_to(home)}" for path in home.rglob("*")}
    return found

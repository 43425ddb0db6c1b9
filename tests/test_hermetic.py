"""The guard of `conftest.py`: no network, no login, one thread, and a session that leaves a file fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def test_nothing_can_reach_a_server():
    assert os.environ["WANDB_MODE"] == "offline"
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert "WANDB_API_KEY" not in os.environ
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"


def test_folders_of_a_run_are_outside_the_tree():
    root = Path(__file__).parents[1]
    for name in (
        "INTERNVIDEO_CACHE",
        "INTERNVIDEO_DATA",
        "INTERNVIDEO_RESULTS",
        "WANDB_DIR",
        "HF_HOME",
        "MPLCONFIGDIR",
    ):
        assert not Path(os.environ[name]).is_relative_to(root)


def test_one_thread():
    import torch

    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("body", "left", "workers"),
    [
        ("(tmp_path / 'a.pt').touch()", None, "0"),
        ("pathlib.Path('model.pt').touch()", "project/model.pt", "2"),
        (
            "pathlib.Path('tests/run').mkdir(); pathlib.Path('tests/run/a.json').touch()",
            "project/tests/run/a.json",
            "0",
        ),
        ("pathlib.Path('~/.netrc').expanduser().touch()", "~/.netrc", "0"),
    ],
)
def test_session_that_leaves_something_fails(tmp_path, body, left, workers):
    tests = tmp_path / "project" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("conftest.py"), tests)
    (tests / "test_it.py").write_text(f"import pathlib\ndef test_it(tmp_path):\n    {body}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist", "-n", workers],
        cwd=tests.parent,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout
    assert done.returncode == (1 if left else 0), done.stdout
    assert ("The tests left these behind" in done.stdout) == bool(left)
    assert left is None or f"/{left}\n" in done.stdout or f"  {left}\n" in done.stdout

"""What `make install` put here: consistent, without torchvision, without CUDA where there is no GPU, importable."""

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest


def _name(word: str) -> str:
    return re.sub(r"[-_.]+", "-", word).lower()


def _required(requirement: str) -> str:
    return _name(re.match(r"[\w.-]+", requirement)[0])


def test_pip_check():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_requires_torchvision():
    # It pins one torch build each, so that whatever needs it would replace the torch of this machine.
    needing = {
        _name(found.metadata["Name"])
        for found in distributions()
        for requirement in found.requires or []
        if "extra ==" not in requirement and _required(requirement) == "torchvision"
    }
    assert needing == set()
    assert "torchvision" not in {_name(found.metadata["Name"]) for found in distributions()}


def test_no_cuda_package_without_a_gpu():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    if torch.version.cuda is not None:
        pytest.skip("a CUDA build of torch was chosen for this machine")
    names = {_name(found.metadata["Name"]) for found in distributions()}
    # nvidia-ml-py is pure Python: it reads a driver's counters and brings no CUDA.
    cuda = {name for name in names if name.startswith(("nvidia-", "cuda-", "cupy")) or name == "triton"}
    assert cuda - {"nvidia-ml-py"} == set()


def test_torch_is_the_build_that_was_pinned():
    import torch

    from internvideo_pl.folders import project_root

    pinned = project_root() / ".venv" / "constraints.txt"
    if not pinned.is_file() or not sys.prefix.startswith(str(project_root())):
        pytest.skip("not the environment of `make install`")
    assert pinned.read_text().strip() == f"torch=={torch.__version__}"


def test_packages_are_found_from_anywhere(tmp_path):
    names = ["internvideo_pl", "internvideo_pl.config", "internvideo_pl.video", "data_modules"]
    code = f"from importlib.util import find_spec\nprint([find_spec(name).origin for name in {names}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"/{name.replace('.', '/')}/__init__.py" in done.stdout for name in names)


def test_command_is_installed(tmp_path):
    command = [str(Path(sys.executable).with_name("internvideo")), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout

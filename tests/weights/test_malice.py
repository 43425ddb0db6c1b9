"""Files that were made to do harm: nothing is run or unpacked, and memory and time stay bounded."""

import argparse
import contextlib
import io
import pickle
import pickletools
import resource
import struct
import time
import zipfile
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.weights.container import open_file
from tests.weights.contents import STATE, Evil


class EvilState:
    """Does what `Evil` does when its state is set, through a class that a stand-in exists for."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (argparse.Namespace, (), {"x": Evil(self.mark)})


def hide(mark: Path) -> list[Any]:
    evil = Evil(mark)
    return [
        evil,
        {"model": evil},
        {"model": STATE, "args": evil},
        {"model": {**STATE, "c": evil}},
        {"model": STATE, "args": argparse.Namespace(x=evil)},
        {"model": STATE, "args": EvilState(mark)},
        {"model": STATE, "args": Evil(mark, eval)},
        OrderedDict(STATE, e=[(evil,)]),
    ]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("which", range(8))
def test_a_malicious_checkpoint_runs_nothing(saved, tmp_path, which, legacy):
    mark = tmp_path / "mark"
    path = saved(hide(mark)[which], legacy=legacy)
    with pytest.raises(UserError, match="would run code"):
        open_file(path)
    assert not mark.exists()
    open_file_anyway(path)
    assert mark.exists()  # the file does what it was made for once it is trusted, so the test can fail


def open_file_anyway(path: Path) -> None:
    with contextlib.suppress(UserError):  # what it returns is no checkpoint
        open_file(path, trust=True)


def test_a_plain_pickle_is_never_opened(tmp_path):
    mark = tmp_path / "mark"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = tmp_path / f"{protocol}.pkl"
        path.write_bytes(pickle.dumps({"model": Evil(mark)}, protocol=protocol))
        for trust in (False, True):
            with pytest.raises(UserError, match=r"not one that PyTorch's torch\.save wrote|neither safetensors nor"):
                open_file(path, trust)
    assert not mark.exists()


def test_a_second_pickle_behind_the_first_is_seen(tmp_path, saved):
    mark = tmp_path / "mark"
    honest = saved(STATE, legacy=True).read_bytes()
    pickles, stream = [], io.BytesIO(honest)
    for _ in range(4):
        start = stream.tell()
        deque(pickletools.genops(stream), maxlen=0)  # to the end of one pickle
        pickles.append(honest[start : stream.tell()])
    rest = honest[stream.tell() :]
    forged = tmp_path / "forged.pth"
    forged.write_bytes(b"".join([*pickles[:2], pickle.dumps(Evil(mark), protocol=2), pickles[3], rest]))
    with pytest.raises(UserError, match="would run code"):
        open_file(forged)
    assert not mark.exists()


def test_memory_that_a_pickle_asks_for_is_not_given(tmp_path):
    program = (
        b"\x80\x02}(X\x05\x00\x00\x00modelcbuiltins\nbytearray\n\x8a\x05\x00\xe8vH\x17\x85Ru."  # bytearray(10**11)
    )
    with zipfile.ZipFile(tmp_path / "c.pth", "w") as archive:
        archive.writestr("c/data.pkl", program)
    with pytest.raises(UserError, match="would run code"):
        open_file(tmp_path / "c.pth")


@pytest.mark.parametrize("trick", ["expanded", "sparse", "quantized", "meta", "declared"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_are_more_than_their_file(saved, trick):
    tensors = {
        "expanded": torch.zeros(1).expand(10**12),
        "sparse": torch.sparse_coo_tensor(torch.tensor([[0]]), torch.tensor([1.0]), (10**12,)),
        "meta": torch.empty(10**12, device="meta"),
        "declared": torch.zeros(1).expand(10**6),
    }
    if trick == "quantized":
        tensors[trick] = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    path = saved({"model": {"x": tensors[trick]}})
    with pytest.raises(
        UserError, match=r"declares tensors of more bytes|only plain values can be read|per_tensor_affine"
    ):
        open_file(path)


@pytest.mark.parametrize("count", [2**31 - 1, 10**11, 10**15])
@pytest.mark.parametrize("legacy", [False, True])
def test_storages_that_declare_more_than_there_is(saved, tmp_path, legacy, count):
    """A storage of 300 values says that it has billions: refused, and no memory is taken for them."""
    path = saved({"x": torch.zeros(300)}, legacy=legacy)
    honest, forged = b"M" + struct.pack("<H", 300), b"\x8a\x08" + count.to_bytes(8, "little")
    if legacy:
        content = path.read_bytes()
        assert honest in content
        path.write_bytes(content.replace(honest, forged))
    else:
        with zipfile.ZipFile(path) as archive:
            entries = [(name, archive.read(name)) for name in archive.namelist()]
        archive_of(path, [(n, c.replace(honest, forged) if n.endswith("data.pkl") else c) for n, c in entries])
    before = peak_memory()
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        open_file(path)
    assert peak_memory() - before < 64 << 20


def peak_memory() -> int:
    """Most bytes that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def archive_of(path: Path, entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([("a/data.pkl", b"."), ("../evil", b"x")], "does not lie in the archive's folder"),
        ([("a/data.pkl", b"."), ("a/../../evil", b"x")], "does not lie in the archive's folder"),
        ([("a/data.pkl", b"."), ("/evil", b"x")], "does not lie in the archive's folder"),
        ([("a/data.pkl", b"."), ("a/b\\..\\c", b"x")], "does not lie in the archive's folder"),
        ([("data.pkl", b".")], "does not lie in the archive's folder"),
        ([("a/data.pkl", b"."), ("b/data.pkl", b".")], "repeat or do not lie in one folder"),
        ([("a/data.pkl", b"."), ("a/data.pkl", b".")], "repeat or do not lie in one folder"),
        ([("a/something", b".")], "a zip archive without data.pkl"),
        ([("a/data.pkl", b"garbage")], "damaged pickle"),
        ([("a/data.pkl", b"")], "damaged pickle"),
        ([("a/data.pkl", b"."), ("a/byteorder", b"big")], "big-endian"),
        ([("a/data.pkl", b"\x80\x02" + b"0" * (9 << 20))], r"a data.pkl of 9,437,186 bytes"),
    ],
)
def test_archives_that_pytorch_did_not_write(tmp_path, entries, says):
    with pytest.raises(UserError, match=says):
        open_file(archive_of(tmp_path / "x.pth", entries))
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = archive_of(tmp_path / "x.pth", [("a/data.pkl", b"\0" * (1 << 26))], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    before = time.monotonic()
    with pytest.raises(UserError, match="is compressed"):
        open_file(path)
    assert time.monotonic() - before < 1


def test_entries_that_overlap(tmp_path):
    """Fifield's bomb: many entries of the directory share the bytes of one."""
    path = archive_of(tmp_path / "x.pth", [("a/data.pkl", b"."), ("a/data/0", b"\0" * 5000)])
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        second = archive.infolist()[1]
    content = content.replace(struct.pack("<II", second.file_size, second.file_size), struct.pack("<II", 9000, 9000))
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"declares more bytes|not where it should be"):
        open_file(path)

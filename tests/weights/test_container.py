"""Files of every format, and files that were made to do harm: nothing is run, and memory and time stay bounded."""

import argparse
import contextlib
import io
import json
import os
import pickle
import pickletools
import random
import resource
import struct
import time
import zipfile
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.weights.container import open_file
from internvideo_pl.weights.tensor_file import NOTE, write_tensor_file

STATE = {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.float16)}


def same(found: Any) -> bool:
    return found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)


# ---- formats


@pytest.mark.parametrize("legacy", [False, True])
def test_what_torch_save_wrote(saved, legacy):
    assert same(open_file(saved(STATE, legacy=legacy)).tree)
    assert same(open_file(saved({"model": OrderedDict(STATE), "epoch": 3}, legacy=legacy)).tree["model"])


def test_safetensors_with_and_without_our_note(tmp_path):
    path = write_tensor_file(STATE, tmp_path / "x.safetensors", {"kind": "some"})
    contents = open_file(path)
    assert same(contents.tree)
    assert contents.note == {"kind": "some"}
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_the_file_name_does_not_matter(saved, tmp_path):
    assert same(open_file(saved(STATE, name="a.safetensors")).tree)
    write_tensor_file(STATE, tmp_path / "y.safetensors", {})
    assert same(open_file((tmp_path / "y.safetensors").rename(tmp_path / "b.pth")).tree)


def test_a_header_may_begin_like_a_pickle(tmp_path):
    for extra in range(
        0, 256, 8
    ):  # the length is a multiple of 8; the first byte of a safetensors file is the lowest of its header's length
        path = write_tensor_file(STATE, tmp_path / f"{extra}.safetensors", {"pad": "x" * extra})
        assert same(open_file(path).tree)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "mp_rank_00_model_states.pt"])
def test_folders(saved, tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    saved(STATE, name=f"folder/{name}")
    assert same(open_file(folder).tree)
    (folder / name).unlink()
    with pytest.raises(UserError, match=r"holds no weights: none of model\.safetensors"):
        open_file(folder)


class Unknown:
    """Is importable here, but of no well-known package."""


@pytest.mark.parametrize("legacy", [False, True])
def test_settings_of_well_known_packages_are_passed_over(saved, legacy):
    arguments = argparse.Namespace(lr=1e-3, output=Path("somewhere"), nested={"a": np.float64(0.5)})
    extras = {"args": arguments, "best": np.float64(81.5), "scores": np.zeros(3), "kind": np.dtype("float32")}
    found = open_file(saved({"model": STATE, **extras}, legacy=legacy)).tree
    assert same(found["model"])
    assert not isinstance(found["args"], argparse.Namespace)  # an inert object stands in its place


def test_foreign_dictionaries_become_plain_ones(tmp_path):
    # What a class `yacs.config.CfgNode(dict)` pickles to, without having it.
    program = b"\x80\x02}(X\x05\x00\x00\x00modelcyacs.config\nCfgNode\n)\x81X\x01\x00\x00\x00aK\x01su."
    with zipfile.ZipFile(tmp_path / "c.pth", "w") as archive:
        for name, content in (("data.pkl", program), ("version", b"3\n"), ("byteorder", b"little")):
            archive.writestr(f"c/{name}", content)
    assert open_file(tmp_path / "c.pth").tree == {"model": OrderedDict(a=1)}


@pytest.mark.parametrize("legacy", [False, True])
def test_unknown_objects_need_trust(saved, legacy):
    path = saved({"model": STATE, "extra": Unknown()}, legacy=legacy)
    with pytest.raises(UserError, match=r"holds Python objects .*Unknown.*--trust .*weights.trust=true"):
        open_file(path)
    assert same(open_file(path, trust=True).tree["model"])


def test_another_pickle_protocol_needs_trust(tmp_path):
    torch.save({"model": STATE, "text": "x", "extra": Unknown()}, tmp_path / "x.pth", pickle_protocol=4)
    with pytest.raises(UserError, match="--trust"):
        open_file(tmp_path / "x.pth")
    assert same(open_file(tmp_path / "x.pth", trust=True).tree["model"])


# ---- malice


class Evil:
    """Leaves a mark when it is unpickled by anything that runs code."""

    def __init__(self, mark: Path, function: Any = os.system) -> None:
        self.mark, self.function = mark, function

    def __reduce__(self):
        if self.function is eval:
            return (eval, (f"open({str(self.mark)!r}, 'w').close()",))
        return (self.function, (f"touch {self.mark}",))


class EvilState:
    """Does the same when its state is set, through a class that a stand-in exists for."""

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


# ---- archives


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


# ---- damage


def test_empty_missing_and_foreign_files(tmp_path):
    for content, says in (
        (b"", "is empty"),
        (b"hello, I am a text", "neither safetensors nor anything that PyTorch wrote"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of git-lfs"),
        (bytes(range(1, 200)), "neither safetensors"),
    ):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(UserError, match=says):
            open_file(tmp_path / "x")
    with pytest.raises(UserError, match="there is no file of weights"):
        open_file(tmp_path / "gone.pth")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors", "script"])
def test_truncated_files(saved, tmp_path, form):
    if form == "safetensors":
        path = write_tensor_file(STATE, tmp_path / "x.safetensors", {})
    elif form == "script":
        path = tmp_path / "x.pt"
        torch.jit.script(torch.nn.Linear(3, 4)).save(str(path))
    else:
        path = saved(STATE, legacy=form == "legacy")
    whole = path.read_bytes()
    for kept in {1, 4, 8, 9, 20, len(whole) // 4, len(whole) // 2, len(whole) - 20, len(whole) - 1}:
        path.write_bytes(whole[:kept])
        with pytest.raises(UserError):
            open_file(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors", "script"])
def test_any_damage_is_a_sentence_or_harmless(saved, tmp_path, form):
    """Random bytes overwritten: the file is refused in one sentence or still read, and nothing else ever happens."""
    if form == "safetensors":
        path = write_tensor_file(STATE, tmp_path / "x.safetensors", {})
    elif form == "script":
        path = tmp_path / "x.pt"
        torch.jit.script(torch.nn.Linear(3, 4)).save(str(path))
    else:
        path = saved({"model": STATE, "epoch": 1}, legacy=form == "legacy")
    whole, dice = path.read_bytes(), random.Random(0)
    refused: list[str] = []
    for _ in range(50):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 1, 2, 8))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        try:
            open_file(path)
        except UserError as error:
            refused.append(str(error))
    assert len(refused) > 8
    assert not any("\n" in sentence for sentence in refused)


def tensor_header(entries: dict[str, Any], size: int, path: Path) -> Path:
    text = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * size)
    return path


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "X99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2**33, 2**33], "data_offsets": [0, 8]},
        "nothing",
    ],
)
def test_safetensors_headers_that_lie(tmp_path, entry):
    with pytest.raises(UserError, match="damaged safetensors"):
        open_file(tensor_header({"x": entry}, 8, tmp_path / "x.safetensors"))


def test_a_header_of_absurd_size(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{" + b" " * 100)
    with pytest.raises(UserError, match="cut off or damaged"):
        open_file(path)
    path.write_bytes(struct.pack("<Q", 17 << 20) + b"{" + b" " * (18 << 20))
    with pytest.raises(UserError, match="has a header of 17,825,792 bytes"):
        open_file(path)


def test_far_too_many_tensors(tmp_path):
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    path = tensor_header({str(i): empty for i in range(21_000)}, 0, tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="lists 21,000 tensors"):
        open_file(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", '{"lineage": 3}', "5", ""])
def test_notes_that_are_nonsense(tmp_path, text):
    entries = {"__metadata__": {NOTE: text}, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    contents = open_file(tensor_header(entries, 4, tmp_path / "x.safetensors"))
    assert isinstance(contents.note, dict)

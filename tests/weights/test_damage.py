"""Files of weights that are missing, cut off, damaged or wrong about themselves: refused in one sentence, or read."""

import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.weights.container import open_file
from internvideo_pl.weights.tensor_file import NOTE, write_tensor_file
from tests.weights.contents import STATE


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

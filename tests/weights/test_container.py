"""Files and folders of every format, and what needs trust before it is read."""

import argparse
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.weights.container import open_file
from internvideo_pl.weights.tensor_file import write_tensor_file
from tests.weights.contents import STATE


def same(found: Any) -> bool:
    return found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)


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

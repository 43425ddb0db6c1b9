"""The table of released weights and how they are fetched; nothing here touches a network."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

from internvideo_pl.errors import UserError
from internvideo_pl.weights import released
from internvideo_pl.weights.load import locate
from internvideo_pl.weights.recognize import LAYOUTS
from internvideo_pl.weights.released import HUB_ID, RELEASED, fetch


class Hub:
    """Stands in for the hub: which files there are, and what was asked for."""

    def __init__(self, folder: Path, files: dict[tuple[str, str], Any]) -> None:
        self.folder, self.files, self.asked = folder, files, list[tuple[str, str, bool]]()

    def __call__(self, repository: str, file: str, local_files_only: bool = False) -> str:
        self.asked.append((repository, file, local_files_only))
        content = self.files.get((repository, file), EntryNotFoundError("no such file"))
        if isinstance(content, Exception):
            raise content
        path = self.folder / file.replace("/", "_")
        path.write_bytes(content)
        return str(path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    def make(files: dict[tuple[str, str], Any]) -> Hub:
        made = Hub(tmp_path, files)
        monkeypatch.setattr(released, "hf_hub_download", made)
        return made

    return make


def test_the_table_says_where_every_file_is():
    assert {"internvideo_mm_l14", "internvideo_mae_b", "internvideo_mae_l", "internvideo_mae_h"} <= RELEASED.keys()
    assert {"clip_b16", "clip_l14", "clip_l14_336"} <= RELEASED.keys()
    for name, entry in RELEASED.items():
        assert entry.layout in LAYOUTS, name
        assert entry.files, name
        assert entry.trained_on, name
        assert entry.repository is None or HUB_ID.fullmatch(entry.repository), name
    files = {entry.files[0] for entry in RELEASED.values() if entry.repository is None}
    assert "k710_uniformerv2_l14_8x224.pyth" in files


def test_a_short_name_is_fetched_only_when_it_is_asked_for(hub):
    made = hub({("OpenGVLab/InternVideo1.0", "InternVideo-MM-L-14.ckpt"): b"x"})
    assert made.asked == []
    assert locate("internvideo_mm_l14").read_bytes() == b"x"
    assert made.asked == [("OpenGVLab/InternVideo1.0", "InternVideo-MM-L-14.ckpt", False)]


def test_a_file_of_the_same_name_comes_first(hub, tmp_path, monkeypatch):
    made = hub({})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip_b16").write_bytes(b"mine")
    assert locate("clip_b16").read_bytes() == b"mine"
    assert made.asked == []


def test_the_second_kind_of_file_is_tried(hub):
    made = hub({("openai/clip-vit-base-patch16", "pytorch_model.bin"): b"x"})
    fetch("clip_b16")
    assert [file for _, file, _ in made.asked] == ["model.safetensors", "pytorch_model.bin"]


def test_hub_ids(hub):
    made = hub({("somebody/some.thing", "model.safetensors"): b"x", ("somebody/some.thing", "a/b.ckpt"): b"y"})
    assert fetch("somebody/some.thing").read_bytes() == b"x"
    assert fetch("somebody/some.thing:a/b.ckpt").read_bytes() == b"y"
    with pytest.raises(UserError, match=r"has no c\.pth: name another file of it as somebody/some\.thing:<file>"):
        fetch("somebody/some.thing:c.pth")
    assert ("somebody/some.thing", "c.pth", False) in made.asked


@pytest.mark.parametrize("name", ["clip_b61", "../../etc/passwd", "a/b/c", "owner/name:../../x y"])
def test_names_that_are_none(hub, name):
    made = hub({})
    with pytest.raises(UserError):
        fetch(name)
    assert made.asked == []
    if name == "clip_b61":
        with pytest.raises(UserError, match=r"Did you mean 'clip_b16'\?"):
            fetch(name)


def test_object_storage_is_left_to_the_person(hub):
    made = hub({})
    with pytest.raises(UserError, match=r"internvideo_mm_b16 \(InternVideo-MM-B-16\.ckpt\) is on the authors' object"):
        fetch("internvideo_mm_b16")
    assert made.asked == []


def test_offline_says_what_to_do(hub):
    hub({("OpenGVLab/InternVideo1.0", "InternVideo-MM-L-14.ckpt"): LocalEntryNotFoundError("offline")})
    with pytest.raises(UserError, match=r"bring InternVideo-MM-L-14\.ckpt of OpenGVLab/InternVideo1\.0 .*HF_ENDPOINT"):
        fetch("internvideo_mm_l14")


def test_without_download_the_cache_alone_is_asked(hub):
    made = hub(
        {
            ("openai/clip-vit-base-patch16", "model.safetensors"): LocalEntryNotFoundError("not cached"),
            ("openai/clip-vit-base-patch16", "pytorch_model.bin"): b"x",
        }
    )
    assert fetch("clip_b16", download=False).read_bytes() == b"x"
    assert all(local for _, _, local in made.asked)


def test_other_failures_are_one_sentence(hub):
    response = type("Response", (), {"headers": {}, "request": None, "status_code": 401})()
    hub({("a/b", "x.pth"): HfHubHTTPError("first line\nGated: ask for access.", response=response)})
    with pytest.raises(UserError, match="cannot be fetched from a/b: Gated: ask for access"):
        fetch("a/b:x.pth")
    hub({("a/b", "x.pth"): OSError("disk full")})
    with pytest.raises(UserError, match="disk full"):
        fetch("a/b:x.pth")


def test_the_real_library_is_offline_here(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="the hub cannot be reached"):
        fetch("clip_l14")

"""Folders of each test's own, a sound miniature, and broken ones."""

import shutil
from pathlib import Path

import pytest

from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.run import examine
from internvideo_pl.run.weights import save_model
from tests.data.clips import write_video
from tests.run.doctor.report import LISTS, listed


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """A cache and results of this test's own, and a measurement that takes no time."""
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(examine, "MEASURED", 0.1)
    return tmp_path


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """A small miniature of MSR-VTT; not to be changed."""
    return make_mini("msrvtt", tmp_path_factory.mktemp("mini"), workers=1, train=10, test=6)


@pytest.fixture
def broken(whole, tmp_path) -> dict[str, str]:
    """The miniature with a fault of each kind: the names of the files, by fault."""
    root = tmp_path / "msrvtt"
    shutil.copytree(whole, root)
    lists = {split: listed(root / name) for split, name in LISTS.items()}
    videos = root / "videos" / "all"
    deleted, long, copied, *_ = [videos / f"{key}.mp4" for key in lists["train"]]
    cut, leaked, *_ = [videos / f"{key}.mp4" for key in lists["test"]]
    deleted.unlink()
    write_video(long, frames=40)  # 4 s, where the list says 1.5
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    shutil.copy(copied, leaked)
    shutil.copy(videos / f"{lists['train'][4]}.mp4", videos / "stranger.mp4")
    return {
        "root": str(root),
        **{
            name: path.name for name, path in locals().items() if name in ("deleted", "long", "copied", "cut", "leaked")
        },
    }


@pytest.fixture
def zeroshot(tmp_path) -> list[str]:
    """Arguments of a zero-shot evaluation on a miniature of twelve videos, two of which cannot be read."""
    root = make_mini("kinetics400", tmp_path / "made", workers=1, train=1, val=1, test=1)
    for path in sorted((root / "val").iterdir())[:2]:
        path.write_bytes(b"no video")
    (tmp_path / "parent").mkdir()
    save_model(MultimodalChoice(size="tiny", num_frames=2).build(), tmp_path / "parent")
    return ["zeroshot/k400_base", "--mini", f"parents.backbone={tmp_path / 'parent'}", f"data.root={root}"]

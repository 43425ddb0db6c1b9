"""`card`: what it prints of a run, what it saves, and mistakes."""

import dataclasses
import json

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.models import load
from tests.data.clips import write_video

CHEAP = ["trainer.max_steps=1", "wandb.mode=disabled", "data.num_workers=0", "data.batch_size=2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a small run."""
    folder = tmp_path_factory.mktemp("card")
    (folder / "videos").mkdir()
    for name in ("one", "two"):
        write_video(folder / "videos" / f"{name}.mp4", frames=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERNVIDEO_RESULTS", str(folder / "results"))
        patch.setenv("WANDB_MODE", "offline")
        assert main(["run", "pretrain/own_videos", "--mini", "--data", str(folder / "videos"), *CHEAP]) == 0
    return folder / "results" / "pretrain" / "own_videos" / "001"


def test_the_card_of_a_run_says_what_it_measured(run, capsys):
    assert main(["card", str(run), "--licence", "apache-2.0"]) == 0
    text = capsys.readouterr().out
    row = json.loads(next(run.glob("row-*.json")).read_text())
    number = f"{row['metrics'][row['headline']]:.2f}"
    used, official = row["coverage"]["used"], row["coverage"]["official"]
    assert f"| reconstruction, explained ({used} of {official} videos) | {number} |" in text
    assert "# pretrain/own_videos" in text
    assert "license: apache-2.0" in text
    assert f'load("{run}")' in text
    assert "## Data\n\nVideos of one's own" in text


def test_a_run_becomes_a_folder_that_can_be_shared(run, tmp_path, capsys):
    target = tmp_path / "shared"
    assert main(["card", str(run), str(target)]) == 0
    assert {path.name for path in target.iterdir()} == {"README.md", "config.json", "model.safetensors"}
    again, first = load(target), load(run)
    assert dataclasses.replace(again.config) == first.config
    assert str(target) in capsys.readouterr().out
    assert main(["card", str(run), str(target)]) == 2
    assert "holds something already" in capsys.readouterr().err


def test_a_model_that_is_not_there(capsys):
    assert main(["card", "internvideo_mm_l41"]) == 2
    assert "Did you mean 'internvideo_mm_l14'" in capsys.readouterr().err

"""What a run hands to Weights & Biases, read back from its offline file: figures, tables and pictures."""

import json

import pytest
from PIL import Image

from internvideo_pl.__main__ import main
from tests.run.wandb_file import history, media

SMALL = ["trainer.max_steps=4", "trainer.log_every_n_steps=1", "data.mini_sizes.train=4", "wandb.mode=offline"]


@pytest.mark.slow
def test_the_offline_file_holds_figures_tables_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert main(["run", "pretrain/masked_k400_base", "--mini", *SMALL]) == 0
    folder = tmp_path / "pretrain" / "masked_k400_base" / "001"
    logged = history(folder)
    assert len(logged["train/loss"]) == 4
    assert logged["test/explained"] == [json.loads(next(folder.glob("row-*")).read_text())["metrics"]["explained"]]
    content = json.loads(media(folder, logged["benchmark"][0]).read_text())
    assert content["columns"][:3] == ["model", "task", "metric"]
    assert content["data"][0][1] == "reconstruction"
    pictures = logged["reconstruction"]
    assert len(pictures) == 4  # at three quarters of the way, and after the test
    for name, local in (("curves_train", "curves_train.png"), ("reconstruction", "reconstruction.png")):
        last = logged[name][-1]
        (path,) = folder.glob(f"wandb/offline-run-*/files/{last['filenames'][0]}")
        assert Image.open(path).size == Image.open(folder / local).size

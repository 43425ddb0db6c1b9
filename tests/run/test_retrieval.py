"""Text-video retrieval from the command line: recipes as the release has them, mixing with CLIP, a run to its row."""

import pytest
import torch

from data_modules import DATASETS
from internvideo_pl.__main__ import main
from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.config import load_experiment
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.folders import project_root
from internvideo_pl.models import load
from internvideo_pl.run.build import check_fit
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.weights import save_model
from internvideo_pl.tables.paper import benchmark
from internvideo_pl.tables.protocol import PAPER_PROTOCOLS
from internvideo_pl.tables.row import read_rows
from internvideo_pl.weights.recognize import LAYOUTS

# set: learning rate, batch, epochs, frames; frames of the zero-shot test, CLIP's share there
RECIPES = {
    "msrvtt": (4e-6, 128, 5, 12, 8, 0.5),
    "msvd": (2.5e-6, 64, 5, 8, 12, 0.25),
    "lsmdc": (2e-6, 64, 5, 8, 6, 0.5),
    "activitynet": (2e-6, 64, 30, 64, 16, 0.5),
    "didemo": (2e-6, 16, 5, 32, 32, None),
    "vatex": (5e-6, 128, 5, 8, 8, 0.5),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_the_releases(name):
    lr, batch, epochs, frames, zero_frames, share = RECIPES[name]
    tuned = load_experiment(f"finetune/{name}_retrieval", schemas=SCHEMAS)
    untuned = load_experiment(f"zeroshot/{name}_retrieval", schemas=SCHEMAS)
    assert (tuned.optimizer.lr, tuned.data.batch_size, tuned.trainer.max_epochs) == (lr, batch, epochs)
    assert (tuned.data.num_frames, untuned.data.num_frames) == (frames, zero_frames)
    assert tuned.backbone.num_frames == frames
    assert untuned.backbone.num_frames == zero_frames
    assert tuned.data.pairs
    assert tuned.weights.mix == ("clip_l14" if name == "lsmdc" else None)
    assert untuned.weights.mix == (None if share is None else "clip_l14")
    assert share is None or untuned.weights.mix_ratio == share
    assert untuned.trainer.max_epochs == 0
    for experiment, form in ((tuned, "ret"), (untuned, "ret_zs")):
        check_fit(experiment)
        wanted = PAPER_PROTOCOLS[f"{name}_{form}"]
        kind, config = DATASETS[experiment.data.name]
        data = kind(config(name="x", num_frames=1, batch_size=1), project_root())
        assert {"split": data.test_list, "captions": data.captions} == wanted
        header = (project_root() / "experiments" / f"{experiment.name}.yaml").read_text()
        paper = benchmark(experiment.benchmark).paper
        assert f"R@1 {paper['dsl/t2v/R@1']} text to video, {paper['dsl/v2t/R@1']} video to text" in header
        assert f"benchmark {benchmark(experiment.benchmark).n}," in header


SIZES = ["data.mini_sizes.train=40", "data.mini_sizes.val=1", "data.mini_sizes.test=8", "wandb.mode=disabled"]


@pytest.fixture
def parent(tmp_path, monkeypatch):
    """Weights of a tiny encoder in a folder; results and miniatures stand beside it."""
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    (tmp_path / "parent").mkdir()
    save_model(MultimodalChoice(size="tiny", num_frames=2).build(), tmp_path / "parent")
    return tmp_path / "parent"


def test_a_test_without_training_mixes_clip_in_counts_what_is_missing_and_draws_a_gallery(parent, tmp_path, capsys):
    torch.manual_seed(1)
    clip = MultimodalChoice(size="tiny", num_frames=2).build().state_dict()
    torch.save(LAYOUTS["openai_clip"].write(clip), tmp_path / "clip.pt")
    root = make_mini("msvd", tmp_path / "made", workers=1, train=1, val=1, test=8)
    first, second = (root / "test_list.txt").read_text().split()[:2]
    (root / "YouTubeClips" / f"{first}.avi").unlink()
    (root / "YouTubeClips" / f"{second}.avi").write_bytes(b"no video")
    words = [f"parents.backbone={parent}", f"weights.mix={tmp_path / 'clip.pt'}", f"data.root={root}"]
    assert main(["run", "zeroshot/msvd_retrieval", "--mini", *words, "wandb.mode=disabled"]) == 0
    folder = tmp_path / "results" / "zeroshot" / "msvd_retrieval" / "001"
    ((row,), _) = read_rows(folder)
    assert (row.task, row.benchmark, row.headline) == ("retrieval", "msvd_ret_zs", "dsl/t2v/R@1")
    assert row.parents.keys() == {"backbone", "backbone.mix"}
    assert (row.coverage.used, row.coverage.official) == (6, 8)
    assert set(row.coverage.missing) == {first, second}
    assert row.metrics["t2v/R@1/low"] <= row.metrics["t2v/R@1"] <= row.metrics["t2v/R@1/high"]
    assert row.metrics["v2t/R@1/high"] == pytest.approx((6 * row.metrics["v2t/R@1"] + 200) / 8)
    assert row.protocol | {"split": "test", "captions": "all", "gallery": 8, "ties": "expected"} == row.protocol
    assert {
        f"{ties}{dual}{way}/MedR" for ties in ("", "compat/") for dual in ("", "dsl/") for way in ("t2v", "v2t")
    } <= (row.metrics.keys())
    assert (folder / "gallery.png").stat().st_size > 0
    assert not (folder / "captions.png").exists()
    assert "Test queries with their five best videos" in (folder / "report.html").read_text()
    assert "dual softmax" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["lsmdc", "didemo"])
def test_fine_tuning_trains_without_the_caption_decoder_and_its_model_loads(parent, tmp_path, name):
    words = [f"parents.backbone={parent}", "trainer.max_steps=2", *SIZES]
    assert main(["run", f"finetune/{name}_retrieval", "--mini", *words]) == 0
    folder = tmp_path / "results" / "finetune" / f"{name}_retrieval" / "001"
    ((row,), _) = read_rows(folder)
    assert (row.coverage.used, row.coverage.official) == (8, 8)
    model = load(folder)
    assert model.network.caption_decoder is None
    assert model.encode_text(["a red disc"]).shape == (1, model.network.embed_dim)


def test_msrvtts_older_training_list_has_a_miniature_of_its_own(parent, tmp_path):
    words = [f"parents.backbone={parent}", "data.name=msrvtt_7k", "trainer.max_steps=1", "data.batch_size=4"]
    small = [word for word in SIZES if "val" not in word]
    assert main(["run", "finetune/msrvtt_retrieval", "--mini", *words, *small]) == 0
    ((row,), _) = read_rows(tmp_path / "results" / "finetune" / "msrvtt_retrieval" / "001")
    assert (row.protocol["split"], row.coverage.official) == ("1k-A test", 8)
    (made,) = (tmp_path / "cache").rglob("MSRVTT_train.*.csv")
    assert (made.name, len(made.read_text().split())) == ("MSRVTT_train.7k.csv", 1 + 31)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("form", ["zeroshot", "finetune"])
def test_miniatures_are_many_times_above_chance_both_ways(name, form, tmp_path, monkeypatch):
    """One command each; the parent that all share is run by the first."""
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(_shared(tmp_path)))
    assert main(["run", f"{form}/{name}_retrieval", "--mini", "wandb.mode=disabled"]) == 0
    ((row,), _) = read_rows(_shared(tmp_path) / form / f"{name}_retrieval" / "001")
    for way in ("t2v", "v2t"):
        for variant in ("", "dsl/"):
            assert row.metrics[f"{variant}{way}/R@1"] > 8 * row.chance[f"{variant}{way}/R@1"]


def _shared(tmp_path):
    return tmp_path.parent / "results_of_all"
